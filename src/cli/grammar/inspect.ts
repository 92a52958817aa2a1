import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";
import { jsonOption } from "./json-option.ts";

export function addInspect(program: Command): void {
  program
    .command("inspect")
    .description("show what an image is made of, and what of it is here")
    .argument("<image>", "as clients name it: alpine, ghcr.io/owner/image:tag")
    .addOption(jsonOption("Inspected"))
    .addHelpText("after", inspectHelp)
    .action(async (image: string, _options: object, command: Command) => {
      const { inspect } = await import("../commands/inspect.ts");
      await inspect(image, command.optsWithGlobals<CommandOptions>());
    });
}

const inspectHelp = `
The tree goes from the index by its platforms to config and layers. "here" is
stored, "arriving" is being downloaded, "missing" was never pulled or is
evicted, "elsewhere" is what clients do not get from registries. "proven" says
when the registry last confirmed that this repository holds it.

Examples:
  sluice inspect alpine:3.20
  sluice inspect ghcr.io/owner/image@sha256:…
  sluice inspect alpine --json | jq '.content[] | select(.state == "missing")'`;
