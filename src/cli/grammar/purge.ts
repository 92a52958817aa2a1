import type { Command } from "commander";
import type { PurgeOptions } from "../commands/purge.ts";
import { jsonOption } from "./json-option.ts";

export function addPurge(program: Command): void {
  program
    .command("purge")
    .description("remove images, so that the next pull gets them from upstream")
    .argument("<image...>", "images, or patterns of them: alpine:3.20, 'docker.io/nightly/*'")
    .option("--dry-run", "show what would go; change nothing")
    .option("--yes", "do not ask")
    .addOption(jsonOption("PurgeAnswer"))
    .addHelpText("after", purgeHelp)
    .action(async (images: string[], _options: object, command: Command) => {
      const { purge } = await import("../commands/purge.ts");
      await purge(images, command.optsWithGlobals<PurgeOptions>());
    });
}

const purgeHelp = `
A name with a tag means that tag, one with a digest that digest, and one without
either all of its repository; in patterns * stands for any characters, / too.
What is known of them is forgotten, and content goes that no other image needs;
whoever reads it reads on. Pins do not protect from it. Where one of the names
matches nothing, nothing is removed.

On a terminal it shows what goes and asks. Where nobody can be asked, it does
nothing without --yes.

Examples:
  sluice purge --dry-run 'docker.io/nightly/*'
  sluice purge alpine:3.20
  sluice purge --yes ghcr.io/owner/image@sha256:9a41…`;
