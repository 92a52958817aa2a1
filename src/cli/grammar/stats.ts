import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";
import { jsonOption } from "./json-option.ts";

export function addStats(program: Command): void {
  program
    .command("stats")
    .description("show what the mirror stores and what it saved")
    .addOption(jsonOption("Stats"))
    .addHelpText("after", statsHelp)
    .action(async (_options: object, command: Command) => {
      const { stats } = await import("../stats.ts");
      await stats(command.optsWithGlobals<CommandOptions>());
    });
}

const statsHelp = `
Requests are counted from the daemon's start. Without a daemon: what is stored.

Examples:
  sluice stats
  sluice stats --json | jq '.upstreams[] | [.upstream, .hits, .misses]'`;
