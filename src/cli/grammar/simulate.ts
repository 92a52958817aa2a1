import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";
import { jsonOption } from "./json-option.ts";

export function addSimulate(program: Command): void {
  program
    .command("simulate")
    .description("say what a larger or smaller disk would have made of the pulls so far")
    .option("--max-size <sizes>", "sizes to try beside the present one, such as 20GiB,50GiB")
    .option("--policy <names>", "how images are evicted: lru, lfu, gdsf, or belady")
    .option("--days <n>", "only the last n days of the log")
    .addOption(jsonOption("Simulation"))
    .addHelpText("after", simulateHelp)
    .action(async (_options: object, command: Command) => {
      const { simulate } = await import("../commands/simulate.ts");
      await simulate(command.optsWithGlobals<CommandOptions>());
    });
}

const simulateHelp = `
The mirror logs which image was pulled when, for 30 days and a million pulls.
This replays the log against an empty disk of each size, with the watermarks of
the configuration, and counts what would have been there: whole images and
bytes. UPSTREAM is what had to be downloaded, EVICTED counts images.

What a client held already is not in the log, so each pull counts as a pull of
all that the image names: the true bytes are fewer, and sizes compare all the
same. belady knows the future, as no mirror can: about the most that any policy
could reach.

Examples:
  sluice simulate
  sluice simulate --max-size 20GiB,50GiB,100GiB
  sluice simulate --max-size 50GiB --policy lru,gdsf,belady --days 14
  sluice simulate --json | jq '.caches[] | [.maxSizeBytes, .byteHitRate]'`;
