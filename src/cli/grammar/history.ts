import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";
import { jsonOption } from "./json-option.ts";

export function addHistory(program: Command): void {
  program
    .command("history")
    .description("show when a tag moved, from which digest to which")
    .argument("<image>", "a tag, as clients name it: alpine, ghcr.io/owner/image:tag")
    .addOption(jsonOption("History"))
    .addHelpText("after", historyHelp)
    .action(async (image: string, _options: object, command: Command) => {
      const { history } = await import("../commands/history.ts");
      await history(image, command.optsWithGlobals<CommandOptions>());
    });
}

const historyHelp = `
The times are those at which the mirror noticed: a tag is asked for when it is
pulled. The last hundred moves of a tag are kept, and 100,000 in all.

Examples:
  sluice history alpine
  sluice history ghcr.io/owner/image:main --json | jq -r '.moves[0].to'`;
