import { Argument, type Command, Option } from "commander";
import { logLevels } from "../../config/config.ts";
import { whileArgument } from "./arguments.ts";
import { jsonOption } from "./json-option.ts";

export function addLogLevel(program: Command): void {
  program
    .command("log-level")
    .description("show what the running mirror logs, or change it for a while")
    .addArgument(new Argument("[level]", "another level").choices(logLevels))
    .addOption(
      new Option("--for <duration>", "how long, a day at most")
        .argParser(whileArgument)
        .default(600_000, "10m"),
    )
    .addOption(jsonOption("LogLevel"))
    .addHelpText("after", logLevelHelp)
    .action(async (level: string | undefined, _options: object, command: Command) => {
      const { logLevel } = await import("../commands/log-level.ts");
      await logLevel(level, command.optsWithGlobals());
    });
}

const logLevelHelp = `
Then it returns to log.level of the configuration by itself; a change for good
belongs there, and SIGHUP has it read. Both changes are in the log.

Examples:
  sluice log-level
  sluice log-level debug
  sluice log-level debug --for 1h`;
