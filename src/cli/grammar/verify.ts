import { type Command, Option } from "commander";
import { rateArgument } from "./arguments.ts";
import { jsonLinesOption } from "./json-option.ts";

export function addVerify(program: Command): void {
  program
    .command("verify")
    .description("read all that is stored and compare it with its digests; exit 1 if it is damaged")
    .option("--repair", "mend what is damaged: see below")
    .addOption(
      new Option("--rate <size>", "read so much a second, or max")
        .argParser(rateArgument)
        .default(100 * 1024 * 1024, "100MiB"),
    )
    .addOption(jsonLinesOption("VerifyLine"))
    .addHelpText("after", verifyHelp)
    .action(async (_options: object, command: Command) => {
      const { verify } = await import("../commands/verify.ts");
      await verify(command.optsWithGlobals());
    });
}

const verifyHelp = `
Finds wrong bytes, wrong sizes, rows of the catalog without a file, files
without a row, what cannot be read, and files that sluice did not put there.
Pulls go on meanwhile, and nothing is changed unless --repair is given. Then
content that is not what its digest says goes to quarantine/ in the storage
directory (the newest 20 files and 1 GiB of it, for a week), and the next pull
fetches it anew; rows without a file are forgotten, files without a row adopted;
foreign ones stay. A running mirror does that by itself within storage.scrub.

With --json each line is an object: of the kind "finding" for each thing that is
wrong, and "done" with the counts at the end.

Examples:
  sluice verify                       what is damaged?
  sluice verify --rate 20MiB          slowly, beside busy pulls
  sluice verify --repair --rate max   mend it, as fast as the disk reads
  sluice verify --json | jq -r 'select(.kind == "finding") | .finding.digest'`;
