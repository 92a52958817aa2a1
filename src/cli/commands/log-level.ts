import type { LevelReport } from "../../telemetry/changeable-level.ts";
import { CommandError } from "../command-error.ts";
import type { CommandOptions } from "../command-options.ts";
import { configurationOf } from "../configuration.ts";
import { printAnswer } from "../output/print-answer.ts";
import { reachDaemon } from "../reached-mirror.ts";

export interface LogLevelOptions extends CommandOptions {
  /** How long, in ms. */
  readonly for: number;
}

/** `sluice log-level`: shows the level of the running daemon's log, or changes it for a while. */
export async function logLevel(level: string | undefined, options: LogLevelOptions): Promise<void> {
  const { config } = await configurationOf(options);
  await using daemon = await reachDaemon(config);
  if (!daemon) {
    throw new CommandError(
      `no daemon runs on ${config.storage.directory}: log.level of the configuration is what the next one begins with`,
    );
  }
  const order =
    level === undefined ? {} : { order: { level, forSeconds: Math.round(options.for / 1000) } };
  const told = (await daemon.ask({ path: "/api/v1/log-level", ...order })) as LevelReport;
  printAnswer(told, options, sentenceOf);
}

function sentenceOf({ level, configured, until }: LevelReport): string {
  if (until === null) return `${level}, as configured`;
  return `${level} until ${until.slice(0, 19)}Z, then ${configured}`;
}
