import { text } from "node:stream/consumers";
import { loadConfig } from "../config/load-config.ts";
import { layoutOf } from "../storage/layout.ts";
import { CommandError } from "./command-error.ts";
import type { CommandOptions } from "./command-options.ts";
import { askDaemon } from "./control.ts";

/** `sluice health`: resolves if the running daemon can serve. */
export async function health(options: CommandOptions): Promise<void> {
  const { config, source } = await loadConfig({
    file: options.config,
    env: process.env,
    cwd: process.cwd(),
  });
  const layout = layoutOf(config.storage.directory);
  const answer = await askDaemon(layout, { path: "/readyz" });
  if (!answer)
    throw new CommandError(
      `no daemon runs on ${layout.directory}, which is the directory by ${source}: start one with sluice serve, or name its configuration by --config`,
    );
  const body = await text(answer.body);
  if (answer.status !== 200)
    throw new CommandError(`the mirror cannot serve: ${reasonsIn(JSON.parse(body))}`);
  process.stdout.write("ready\n");
}

function reasonsIn(body: unknown): string {
  const reasons =
    typeof body === "object" && body !== null && "reasons" in body ? body.reasons : [];
  return Array.isArray(reasons) ? reasons.join("; ") : "it does not say why";
}
