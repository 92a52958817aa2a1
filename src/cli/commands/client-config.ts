import { hostname } from "node:os";
import { assumedAddress } from "../../client-config/address.ts";
import { type Client, type ClientFile, configOf } from "../../client-config/client.ts";
import { mirrorForClients } from "../../client-config/mirror-for-clients.ts";
import type { Config } from "../../config/config.ts";
import { configurationOf } from "../configuration.ts";
import { writeBelow } from "../write-below.ts";

export interface ClientConfigOptions {
  readonly config?: string;
  /** How clients reach the mirror; without it what the configuration tells. */
  readonly address?: URL;
  readonly upstream?: readonly string[];
  readonly skipVerify?: boolean;
  /** Where the files are written, as if it were the client's root directory; without it they are printed. */
  readonly write?: string;
  readonly json?: boolean;
}

/** `sluice client-config CLIENT`. Rejects with ConfigError, and with ClientConfigError if the client cannot use this mirror. */
export async function clientConfig(client: Client, options: ClientConfigOptions): Promise<void> {
  const { config } = await configurationOf(options);
  const { address, note } = addressOf(config, client, options);
  const { upstream: only = [], skipVerify = false } = options;
  const mirror = mirrorForClients(config, { address, skipVerify, only });
  const { files, notes } = configOf(client, mirror);
  const told = [...(note === null ? [] : [note]), ...notes];
  const written = options.write === undefined ? [] : await writeBelow(options.write, files);
  if (options.json) {
    printJson({ address: mirror.url, files, notes: told, written });
    return;
  }
  process.stdout.write(
    options.write === undefined
      ? printed(files)
      : written.map((path) => `wrote ${path}\n`).join(""),
  );
  process.stderr.write(told.map((sentence) => `note: ${sentence}\n`).join(""));
}

function addressOf(
  config: Config,
  { means }: Client,
  { address }: ClientConfigOptions,
): { readonly address: URL; readonly note: string | null } {
  return address ? { address, note: null } : assumedAddress(config, hostname(), means);
}

function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value, null, 2)}\n`);
}

// What has no comments has its path told beside, so that the output is the file.
function printed(files: readonly ClientFile[]): string {
  for (const { path, text } of files) {
    if (!text.startsWith("#")) process.stderr.write(`# ${path}\n`);
  }
  return files.map(({ text }) => text).join("\n");
}
