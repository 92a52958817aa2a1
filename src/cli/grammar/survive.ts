import { type Command, InvalidArgumentError } from "commander";
import { jsonOption } from "./json-option.ts";

export function addSurvive(program: Command): void {
  program
    .command("survive")
    .description("say which images could be pulled again in an outage")
    .option("--days <n>", "of those pulled in the last n days, up to 30", daysArgument, 7)
    .addOption(jsonOption("Survival"))
    .addHelpText("after", surviveHelp)
    .action(async (_options: object, command: Command) => {
      const { survive } = await import("../commands/survive.ts");
      await survive(command.optsWithGlobals());
    });
}

/** Throws InvalidArgumentError. */
function daysArgument(written: string): number {
  const days = Number(written);
  if (/^[0-9.]{1,8}$/.test(written) && days > 0 && days <= 30) return days;
  throw new InvalidArgumentError("It is not a number of days up to 30; write for example 7.");
}

const surviveHelp = `
Supposes that no registry answers any more, and looks at every image that was
pulled of late: whether its manifests, config and layers are here for each
platform of which anything is here, whether this repository may have them, and
whether its tag is young enough for freshness.staleIfError. Those that could not
be pulled again are told, with what is wrong. The exit code is 0 whatever it
finds. Nobody is asked, and nothing changes.

Examples:
  sluice survive
  sluice survive --days 30
  sluice survive --json | jq -r '.endangered[].name'`;
