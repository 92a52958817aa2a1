import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";
import { tuneHeap } from "../tune-heap.ts";

export function addServe(program: Command): void {
  program
    .command("serve")
    .description("run the mirror until SIGTERM or SIGINT")
    .addHelpText("after", serveHelp)
    .action(async (_options: object, command: Command) => {
      tuneHeap();
      const { serve } = await import("../serve.ts");
      await serve(command.optsWithGlobals<CommandOptions>());
    });
}

const serveHelp = `
Examples:
  sluice serve                                 with the configuration that is found
  sluice serve --config /etc/sluice/lab.yaml   with another
  SLUICE_DIRECTORY=/srv/sluice sluice serve    with mirror.config.yaml of the checkout, which reads it`;
