import type { DoctorAnswer } from "../../admin/routes/doctor.ts";
import type { Config } from "../../config/config.ts";
import { ConfigError } from "../../config/config-error.ts";
import type { LoadedConfig } from "../../config/load-config.ts";
import { collected } from "../../doctor/collected.ts";
import { type Finding, fail, ok, warn } from "../../doctor/finding.ts";
import { lockHolder } from "../../doctor/lock-holder.ts";
import { checkProcess } from "../../doctor/process-check.ts";
import { type Layout, layoutOf } from "../../storage/layout.ts";
import { createErrorLog } from "../../telemetry/log.ts";
import { ReceiveBuffers } from "../../upstream/exchange/receive-buffers.ts";
import { buildDoctor } from "../../wiring/build-doctor.ts";
import { CommandError } from "../command-error.ts";
import type { CommandOptions } from "../command-options.ts";
import { configurationOf } from "../configuration.ts";
import { renderFindings } from "../output/doctor-report.ts";
import { Notice } from "../output/notice.ts";
import { printAnswer } from "../output/print-answer.ts";
import { terminal } from "../output/terminal.ts";
import { type ReachedMirror, reachDaemon } from "../reached-mirror.ts";
import { reasonsAgainst } from "../readiness.ts";
import { version } from "../version.ts";

// The daemon is done within 15 s, unless what is examined is what makes it slow.
const timeoutMs = 30_000;

/** `sluice doctor`. Rejects with CommandError if anything fails. */
export async function doctor(options: CommandOptions): Promise<void> {
  const findings = await examined(options);
  const { widthChars } = terminal();
  printAnswer({ findings }, options, () =>
    renderFindings(findings, { widthChars, output: process.stdout }),
  );
  const failed = findings.filter(({ verdict }) => verdict === "fail");
  if (failed.length > 0) throw new CommandError(`${failed.length} of these have to be mended`);
}

async function examined(options: CommandOptions): Promise<readonly Finding[]> {
  using _notice = new Notice("examining…");
  try {
    const loaded = await configurationOf(options);
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
  const layout = layoutOf(daemon.config.storage.directory);
  const [reasons, answer] = await Promise.all([
    reasonsAgainst(layout),
    daemon.ask({ path: "/api/v1/doctor", timeoutMs }) as Promise<DoctorAnswer>,
  ]);
  const { findings } = answer;
  return [judgeReadiness(reasons ?? []), ...unknownTo(answer, daemon.config), ...findings];
}

function judgeReadiness(reasons: readonly string[]): Finding {
  if (reasons.length === 0) return ok("daemon", "runs and can serve");
  return fail("daemon", `runs and cannot serve: ${reasons.join("; ")}`, "see below, and its log");
}

/** What the file has and the daemon did not examine: it was read before that was written. */
function unknownTo({ findings }: DoctorAnswer, { upstreams }: Config): readonly Finding[] {
  const examined = new Set(findings.map(({ subject }) => subject));
  const missing = upstreams.map(({ name }) => name).filter((name) => !examined.has(name));
  if (missing.length === 0) return [];
  const found = `does not know ${missing.join(", ")}, which the configuration has: it read that before`;
  return [warn("daemon", found, "let it read the file again: systemctl reload sluice, or SIGHUP")];
}

async function examinedHere(config: Config): Promise<readonly Finding[]> {
  const findings = await buildDoctor({
    config,
    env: process.env,
    userAgent: `sluice/${version}`,
    log: createErrorLog(),
    now: Date.now,
    monotonicMs: () => performance.now(),
    receiveBuffers: new ReceiveBuffers(),
    holdsStorage: false,
  }).examine();
  return [await judgeAbsence(layoutOf(config.storage.directory)), ...findings];
}

/** That no daemon answers. Where somebody has the directory all the same, the findings about that say what to do. */
async function judgeAbsence({ directory, controlSocket, lockFile }: Layout): Promise<Finding> {
  const instead = "upstreams were asked by this command, clients not tried";
  if ((await lockHolder(lockFile)) !== null)
    return warn("daemon", `none answers at ${controlSocket}: ${instead}`, "see storage, below");
  return warn(
    "daemon",
    `none runs on ${directory}: ${instead}`,
    "start it: sluice serve. Or name its configuration by --config",
  );
}
