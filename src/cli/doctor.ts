import type { DoctorAnswer } from "../admin/doctor.ts";
import { buildDoctor } from "../build-doctor.ts";
import type { Config } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import { type LoadedConfig, loadConfig } from "../config/load-config.ts";
import { collected } from "../doctor/collected.ts";
import { type Finding, fail, ok, warn } from "../doctor/finding.ts";
import { checkProcess } from "../doctor/process-check.ts";
import { createErrorLog } from "../telemetry/log.ts";
import { CommandError } from "./command-error.ts";
import type { CommandOptions } from "./command-options.ts";
import { renderFindings } from "./doctor-report.ts";
import { Notice } from "./notice.ts";
import { type ReachedMirror, reachDaemon } from "./reached-mirror.ts";
import { version } from "./version.ts";

// The daemon is done within 15 s, unless what is examined is what makes it slow.
const timeoutMs = 30_000;

const usualColumns = 80;

/** `sluice doctor`. Rejects with CommandError if anything fails. */
export async function doctor(options: CommandOptions): Promise<void> {
  const findings = await examined(options);
  const { columns: widthChars = usualColumns } = process.stdout;
  const text = options.json
    ? JSON.stringify({ findings }, null, 2)
    : renderFindings(findings, { widthChars, output: process.stdout });
  process.stdout.write(`${text}\n`);
  const failed = findings.filter(({ verdict }) => verdict === "fail");
  if (failed.length > 0) throw new CommandError(`${failed.length} of these have to be mended`);
}

async function examined(options: CommandOptions): Promise<readonly Finding[]> {
  using _notice = new Notice("examining…");
  try {
    const loaded = await loadConfig({ file: options.config, env: process.env, cwd: process.cwd() });
    return [ok("configuration", `${loaded.source} can be used`), ...(await examinedBy(loaded))];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const problems = error.message.split("\n").map((line) => fail("configuration", line, null));
    return [...problems, ...(await collected("process", timeoutMs, checkProcess()))];
  }
}

/** What the daemon finds; where none runs, what this process can. */
async function examinedBy(loaded: LoadedConfig): Promise<readonly Finding[]> {
  try {
    await using daemon = await reachDaemon(loaded.config);
    return daemon ? await examinedByDaemon(daemon) : await examinedHere(loaded.config);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    return [
      fail("daemon", error.message, null),
      ...(await collected("process", timeoutMs, checkProcess())),
    ];
  }
}

async function examinedByDaemon(daemon: ReachedMirror): Promise<readonly Finding[]> {
  const [readiness, answer] = await Promise.all([
    daemon.ask({ path: "/readyz" }).then(
      () => ok("daemon", "runs and can serve"),
      (error: unknown) => fail("daemon", `runs and cannot serve: ${messageOf(error)}`, null),
    ),
    daemon.ask({ path: "/api/v1/doctor", timeoutMs }) as Promise<DoctorAnswer>,
  ]);
  return [readiness, ...answer.findings];
}

async function examinedHere(config: Config): Promise<readonly Finding[]> {
  const findings = await buildDoctor({
    config,
    env: process.env,
    userAgent: `sluice/${version}`,
    log: createErrorLog(),
    now: Date.now,
    monotonicMs: () => performance.now(),
    holdsStorage: false,
  }).examine();
  const notRunning = warn(
    "daemon",
    `none runs on ${config.storage.directory}: upstreams were asked by this command, clients not tried`,
    "start it: sluice serve. Or name its configuration by --config",
  );
  return [notRunning, ...findings];
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
