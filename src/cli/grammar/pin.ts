import type { Command } from "commander";
import type { Pinning, PinOptions } from "../commands/pin.ts";
import { jsonOption } from "./json-option.ts";

export function addPin(program: Command): void {
  program
    .command("pin")
    .description("keep images from being evicted, from now on")
    .argument("[glob...]", "images, or patterns of them: alpine:3.20, 'ghcr.io/owner/*'")
    .option("--list", "show what is pinned, and change nothing")
    .option("--dry-run", "show what would be pinned then, and change nothing")
    .addOption(jsonOption("Pins"))
    .addHelpText("after", pinHelp)
    .action(async (globs: string[], { list }: { list?: boolean }, command: Command) => {
      if (list === true && globs.length > 0) command.error("error: --list takes no patterns");
      if (list !== true && globs.length === 0) {
        command.error("error: name what is to be pinned, or say --list");
      }
      await run(list === true ? "list" : "pin", globs, command);
    });
}

export function addUnpin(program: Command): void {
  program
    .command("unpin")
    .description("let images be evicted again that sluice pin has pinned")
    .argument("<glob...>", "patterns as sluice pin --list shows them")
    .addOption(jsonOption("Pins"))
    .addHelpText("after", unpinHelp)
    .action((globs: string[], _options: object, command: Command) => run("unpin", globs, command));
}

async function run(pinning: Pinning, globs: readonly string[], command: Command): Promise<void> {
  const { pin } = await import("../commands/pin.ts");
  await pin(pinning, globs, command.optsWithGlobals<PinOptions>());
}

const pinHelp = `
A pattern is of full names: * stands for any characters, / too, ? for one, [a-z]
for one of a set; without a tag it means every tag. A name without those may be
as short as for clients: alpine is docker.io/library/alpine. Pins are kept in
the catalog, beside eviction.pins of the configuration, and count at once; what
is not stored yet is kept when it comes.

Examples:
  sluice pin alpine:3.20 'ghcr.io/owner/*'
  sluice pin --dry-run 'ghcr.io/owner/*'
  sluice pin --list
  sluice pin --list --json | jq -r '.pins[] | select(.images == 0).pattern'`;

const unpinHelp = `
What eviction.pins of the configuration pins can only be unpinned there.

Example:
  sluice unpin 'ghcr.io/owner/*'`;
