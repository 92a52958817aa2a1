import { type Command, Option } from "commander";
import { countArgument } from "./arguments.ts";
import { jsonOption } from "./json-option.ts";

export function addLs(program: Command): void {
  program
    .command("ls")
    .description("list the images that are stored")
    .argument("[glob]", "only images with such a name: 'ghcr.io/*', '*/alpine:3.*'")
    .addOption(
      new Option("--sort <order>", "what was pulled last first; or by size, pulls or name")
        .choices(["pulled", "size", "pulls", "name"])
        .default("pulled"),
    )
    .option("--limit <count>", "show so many", countArgument, 100)
    .option("--page <n>", "go on behind the first n-1 times so many", countArgument, 1)
    .addOption(jsonOption("Images"))
    .addHelpText("after", lsHelp)
    .action(async (glob: string | undefined, _options: object, command: Command) => {
      const { ls } = await import("../commands/ls.ts");
      await ls(glob, command.optsWithGlobals());
    });
}

const lsHelp = `
A pattern is of the whole name: * stands for any characters, / too, ? for one,
[a-z] for one of a set. Without a tag in its last component it matches all tags.

SIZE is what is stored of the image, SHARED what of that other images need too.
HERE says whether all of it is stored: "partly" is an image of which no platform
is here, or of one that is here some layer is not. Platforms are those that are
here. An image has a row for each of its tags; without one, its digest. A narrow
terminal leaves the digests out.

Examples:
  sluice ls
  sluice ls 'docker.io/library/*' --sort size
  sluice ls --sort pulls --limit 10
  sluice ls --json | jq -r '.images[] | select(.complete | not) | .name'`;
