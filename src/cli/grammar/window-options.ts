import { type Command, Option } from "commander";

/** Adds the options that say which time is meant. */
export function addWindowOptions(command: Command, withoutThem: string): Command {
  return command
    .addOption(
      new Option(
        "--window <duration>",
        `so long back, such as 24h or 30d; ${withoutThem}`,
      ).conflicts("from"),
    )
    .option("--from <time>", "instead of that, its beginning, such as 2026-01-31T12:00Z")
    .option("--to <time>", "its end; now without it");
}
