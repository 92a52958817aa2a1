import type { Command } from "commander";
import { countArgument, sizeArgument } from "./arguments.ts";
import { jsonOption } from "./json-option.ts";

export function addEvict(program: Command): void {
  program
    .command("evict")
    .description("throw away the images that are worth least, until the storage is small enough")
    .option("--dry-run", "show what would go, and why; change nothing")
    .option(
      "--to <size>",
      "what may be used in the end: 20GiB, or a share of storage.maxSize (default: eviction.lowWatermark)",
      sizeArgument,
    )
    .option(
      "--limit <count>",
      "show so many images, at most 1000 (default: a screenful)",
      countArgument,
    )
    .addOption(jsonOption("EvictionAnswer"))
    .addHelpText("after", evictHelp)
    .action(async (_options: object, command: Command) => {
      const { evict } = await import("../commands/evict.ts");
      await evict(command.optsWithGlobals());
    });
}

const evictHelp = `
Images go whole, with all that no other image needs: first what was not pulled
for eviction.maxIdle, then what is worth least for the room it takes, until
eviction.lowWatermark or --to is reached. What eviction.pins names stays. A
running mirror does the same by itself above eviction.highWatermark.

Examples:
  sluice evict --dry-run               what would go next
  sluice evict --dry-run --to 20GiB    what would go, so that 20 GiB are used
  sluice evict --to 50%                make half of storage.maxSize free now
  sluice evict --dry-run --to 50% --json | jq -r '.victims[].names[0]'`;
