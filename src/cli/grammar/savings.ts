import { type Command, Option } from "commander";
import { jsonOption } from "./json-option.ts";
import { addWindowOptions } from "./window-options.ts";

export function addSavings(program: Command): void {
  const command = program
    .command("savings")
    .description("show what the mirror saved in a time, by upstream or by network");
  addWindowOptions(command, "30d without it")
    .addOption(
      new Option("--by <what>", "what has a row each")
        .choices(["upstream", "network"])
        .default("upstream"),
    )
    .addOption(new Option("--csv", "print CSV, for spreadsheets").conflicts("json"))
    .addOption(jsonOption("Savings"))
    .addHelpText("after", savingsHelp)
    .action(async (_options: object, command: Command) => {
      const { savings } = await import("../commands/savings.ts");
      await savings(command.optsWithGlobals());
    });
}

const savingsHelp = `
A pull is an image that a client took the manifest of, which is what registries
count; it is saved where the registry was not asked for it. Of an upstream, the
bytes saved are those sent beyond those received; of a network, those of answers
that cost no download. Networks are the /24 or /64 of clients; beyond 256 in an
hour they count as other.

Examples:
  sluice savings
  sluice savings --window 7d --by network
  sluice savings --from 2026-01-01 --to 2026-02-01 --csv > january.csv
  sluice savings --json | jq '.total.savedBytes'`;
