import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type { Config } from "../../src/config/config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { ReceiveBuffers } from "../../src/upstream/exchange/receive-buffers.ts";
import { buildDoctor } from "../../src/wiring/build-doctor.ts";

export interface Examination {
  /** The configuration file, but for `storage.directory`. */
  readonly settings?: Readonly<Record<string, unknown>>;
  readonly storage?: Readonly<Record<string, unknown>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly now?: () => number;
  /** How long one answer may take, in ms. */
  readonly limitMs?: number;
}

/** What a doctor finds that no daemon stands by: about `subject` alone, without what is right. */
export async function troubles(subject: string, examination: Examination): Promise<Finding[]> {
  const findings = await examined(examination);
  return findings.filter((one) => one.subject === subject && one.verdict !== "ok");
}

export async function examined(examination: Examination): Promise<readonly Finding[]> {
  const { settings, storage, env = {}, now = Date.now, limitMs } = examination;
  await using directory = await mkdtempDisposable(join(tmpdir(), "doctor-"));
  const whole = {
    upstreams: { "x.io": { endpoints: ["http://127.0.0.1:1"] } },
    storage: { directory: directory.path, minFree: "0B", maxSize: "1MiB", ...storage },
    ...settings,
  };
  return await buildDoctor({
    config: await configWith(whole, env),
    env,
    userAgent: "test",
    log: pino({ level: "silent" }),
    now,
    monotonicMs: () => performance.now(),
    receiveBuffers: new ReceiveBuffers(),
    holdsStorage: false,
    doctorLimitMs: limitMs,
  }).examine();
}

export async function configWith(
  settings: Readonly<Record<string, unknown>>,
  env: Readonly<Record<string, string>> = {},
): Promise<Config> {
  return await parseConfig({ file: "test", directory: "/", text: JSON.stringify(settings) }, env);
}
