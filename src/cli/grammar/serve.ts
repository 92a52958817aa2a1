import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";
import { keepTickShape } from "../keep-tick-shape.ts";
import { tuneHeap } from "../tune-heap.ts";

export function addServe(program: Command): void {
  program
    .command("serve")
    .description("run the mirror until SIGTERM or SIGINT")
    .addHelpText("after", serveHelp)
    .action(async (_options: object, command: Command) => {
      tuneHeap();
      keepTickShape();
      const { serve } = await import("../commands/serve.ts");
      await serve(command.optsWithGlobals<CommandOptions>());
    });
}

const serveHelp = `
SIGHUP reads the configuration again; what is wrong with it is logged, and the
old one stays. SIGTERM and SIGINT let running pulls end, for up to 25 seconds; a
second one cuts them. The log goes to standard output, a line of JSON a request.

Examples:
  sluice serve                                 with the configuration it finds
  sluice serve --config /etc/sluice/lab.yaml   with another
  SLUICE_DIRECTORY=/srv/sluice sluice serve    if the file reads it`;
