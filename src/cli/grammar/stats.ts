import type { Command } from "commander";
import { jsonOption } from "./json-option.ts";
import { addWindowOptions } from "./window-options.ts";

export function addStats(program: Command): void {
  const command = program
    .command("stats")
    .description("show what the mirror stores and what it saved");
  addWindowOptions(command, "from the daemon's start without it")
    .option("--step <duration>", "by steps of so many minutes, hours or days")
    .addOption(jsonOption("Stats"))
    .addHelpText("after", statsHelp)
    .action(async (_options: object, command: Command) => {
      const { stats } = await import("../commands/stats.ts");
      await stats(command.optsWithGlobals());
    });
}

const statsHelp = `
Requests are counted from the daemon's start. Without a daemon: what is stored.

With --window, or --from, the requests of that time, over restarts and without a
daemon too: by upstream, and by steps. Minutes are kept for 30 days, hours for
400, days for five years. HITS are those answered from what is stored; P50 and
P99 say how long half and 99 of 100 requests took, to the last byte.

Examples:
  sluice stats
  sluice stats --window 24h --step 1h
  sluice stats --from 2026-01-01 --to 2026-02-01 --step 1d
  sluice stats --json | jq '.upstreams[] | [.upstream, .hits, .misses]'`;
