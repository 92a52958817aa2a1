import { readFileSync } from "node:fs";
import type Database from "better-sqlite3";
import { StorageError } from "../../storage-error.ts";

/**
 * The steps from an empty catalog to the present one, each a file in `migrations/`; a step that was released never changes.
 * `user_version` counts them.
 */
const steps = [
  "01-content",
  "02-subjects-and-variants",
  "03-accesses",
  "04-log-of-pulls",
  "05-roots",
  "06-scrub-round",
  "07-pins",
  "08-tag-moves",
  "09-names-of-pulled-images",
  "10-traffic",
  "11-who-has-an-access",
] as const;

/**
 * Brings the catalog to the present schema, or an older one; what is no new one in a transaction for each step. Throws
 * StorageError for a catalog that a newer sluice has written, and SqliteError for what is no database.
 */
export function migrate(database: Database.Database, toVersion: number = steps.length): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (isNewer(database)) throw newerSchema(database.name, version);
  // A new catalog waits for the disk once, and not for each step.
  const stepsAtOnce = version === 0 ? steps.length : 1;
  for (let done = version; done < toVersion; done += stepsAtOnce) {
    const upTo = Math.min(done + stepsAtOnce, toVersion);
    database.transaction(() => applySteps(database, done, upTo)).immediate();
  }
}

/** Whether a newer sluice has written the catalog. Throws SqliteError for what is no database. */
export function isNewer(database: Database.Database): boolean {
  return Number(database.pragma("user_version", { simple: true })) > steps.length;
}

function applySteps(database: Database.Database, fromVersion: number, toVersion: number): void {
  for (const step of steps.slice(fromVersion, toVersion)) {
    database.exec(readFileSync(new URL(`./migrations/${step}.sql`, import.meta.url), "utf8"));
  }
  database.pragma(`user_version = ${toVersion}`);
}

function newerSchema(path: string, version: number): StorageError {
  return new StorageError(
    `${path} has schema ${version}, but this sluice knows schemas up to ${steps.length}. Run the newer sluice again, or move catalog.db away: a backup that this sluice can read takes its place, or an empty one`,
  );
}
