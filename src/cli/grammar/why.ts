import type { Command } from "commander";
import type { WhyOptions } from "../commands/why.ts";
import { clientArgument } from "./arguments.ts";
import { jsonOption } from "./json-option.ts";

export function addWhy(program: Command): void {
  program
    .command("why")
    .description("say what a pull of an image would do now, and why")
    .argument("<image>", "as clients name it: alpine, ghcr.io/owner/image:tag")
    .option("--user <name>", "whether this user may pull it (server.access)")
    .option("--from <address>", "from where; without --user, who has not logged in", clientArgument)
    .addOption(jsonOption("Why"))
    .addHelpText("after", whyHelp)
    .action(async (image: string, _options: object, command: Command) => {
      const { why } = await import("../commands/why.ts");
      await why(image, command.optsWithGlobals<WhyOptions>());
    });
}

const whyHelp = `
Nobody is asked for this, and nothing changes. It tells which upstream is meant,
which rule holds, what is known of the tag and of what it means, what of that is
here, which endpoints would be asked, and what would be left in an outage.
What only a running daemon knows (recent trouble, "not found" of a moment ago,
the state of endpoints) is unknown without one.

Examples:
  sluice why alpine
  sluice why private/app --user alice --from 10.0.0.7
  sluice why ghcr.io/owner/image:v7 --json | jq .verdict`;
