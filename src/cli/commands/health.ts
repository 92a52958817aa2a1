import { layoutOf } from "../../storage/layout.ts";
import { CommandError } from "../command-error.ts";
import type { CommandOptions } from "../command-options.ts";
import { configurationOf } from "../configuration.ts";
import { reasonsAgainst } from "../readiness.ts";

/** `sluice health`: resolves if the running daemon can serve. */
export async function health(options: CommandOptions): Promise<void> {
  const { config, source } = await configurationOf(options);
  const layout = layoutOf(config.storage.directory);
  const reasons = await reasonsAgainst(layout);
  if (!reasons)
    throw new CommandError(
      `no daemon runs on ${layout.directory}, which is the directory by ${source}: start one with sluice serve, or name its configuration by --config`,
    );
  if (reasons.length > 0) throw new CommandError(`the mirror cannot serve: ${reasons.join("; ")}`);
  process.stdout.write("ready\n");
}
