import { ClientConfigError } from "../client-config/client-config-error.ts";
import { ConfigError } from "../config/config-error.ts";
import { ListenError } from "../listeners/listen.ts";
import { StorageError } from "../storage/storage-error.ts";
import { printable } from "../telemetry/printable.ts";
import { CommandError } from "./command-error.ts";

/** What the user of a command is told of what it threw: what they can act on, or a bug's stack. */
export function explainFailure(error: unknown): string {
  if (error instanceof ConfigError) return explainConfig(error);
  if (isExpected(error)) return `sluice: ${printable(error.message)}`;
  const stack = error instanceof Error ? error.stack : String(error);
  return `sluice: this is a bug in sluice, please report it\n${stack}`;
}

/** What an operator can cause, told in a sentence that says what to do. */
function isExpected(error: unknown): error is Error {
  return [CommandError, ClientConfigError, ListenError, StorageError].some(
    (kind) => error instanceof kind,
  );
}

function explainConfig({ message, problems }: ConfigError): string {
  // A file that is not there needs no lesson on keys.
  return problems.some(({ place }) => place !== null) ? `${message}\n\n${keysHint}` : message;
}

const keysHint =
  "`sluice config explain` says what every key means; mirror.config.yaml in sluice's own directory has them all.";
