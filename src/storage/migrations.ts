import type Database from "better-sqlite3";
import { StorageError } from "./storage-error.ts";

/** The steps from an empty catalog to the present one; a released step never changes. `user_version` counts them. */
const migrations: readonly string[] = [
  `
  CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    upstream TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (upstream, name)
  ) STRICT;

  CREATE TABLE blobs (
    digest TEXT PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    identity TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE manifests (
    digest TEXT PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
    media_type TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE manifest_references (
    manifest TEXT NOT NULL REFERENCES manifests (digest) ON DELETE CASCADE,
    referenced TEXT NOT NULL,
    PRIMARY KEY (manifest, referenced)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX manifest_references_by_referenced ON manifest_references (referenced);

  -- Neither grants nor tags need the content to be here: they outlive it.
  CREATE TABLE grants (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    digest TEXT NOT NULL,
    granted_at_ms INTEGER NOT NULL,
    PRIMARY KEY (repository_id, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX grants_by_digest ON grants (digest);

  CREATE TABLE tags (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    tag TEXT NOT NULL,
    digest TEXT NOT NULL,
    checked_at_ms INTEGER NOT NULL,
    PRIMARY KEY (repository_id, tag)
  ) STRICT, WITHOUT ROWID;

  -- One row, kept by triggers: counting a million blobs takes too long for each look at the usage.
  CREATE TABLE totals (blobs INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;
  INSERT INTO totals VALUES (0, 0);
  CREATE TRIGGER blobs_inserted AFTER INSERT ON blobs BEGIN
    UPDATE totals SET blobs = blobs + 1, bytes = bytes + new.size_bytes;
  END;
  CREATE TRIGGER blobs_deleted AFTER DELETE ON blobs BEGIN
    UPDATE totals SET blobs = blobs - 1, bytes = bytes - old.size_bytes;
  END;
  CREATE TRIGGER blobs_resized AFTER UPDATE OF size_bytes ON blobs BEGIN
    UPDATE totals SET bytes = bytes - old.size_bytes + new.size_bytes;
  END;
  `,
  `
  ALTER TABLE manifests ADD COLUMN subject TEXT;
  CREATE INDEX manifests_by_subject ON manifests (subject) WHERE subject IS NOT NULL;

  -- When upstream last showed it to an anonymous request.
  ALTER TABLE repositories ADD COLUMN public_at_ms INTEGER;

  ALTER TABLE tags RENAME TO tags_without_variants;
  CREATE TABLE tags (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    tag TEXT NOT NULL,
    variant TEXT NOT NULL,
    digest TEXT NOT NULL,
    checked_at_ms INTEGER NOT NULL,
    PRIMARY KEY (repository_id, tag, variant)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO tags SELECT repository_id, tag, '', digest, checked_at_ms FROM tags_without_variants;
  DROP TABLE tags_without_variants;
  `,
];

/**
 * Brings the catalog to the present schema, each step in its transaction. Throws StorageError for a
 * catalog that a newer sluice has written, and SqliteError for what is no database.
 */
export function migrate(database: Database.Database): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (version > migrations.length) throw newerSchema(database.name, version);
  for (const [done, step] of migrations.entries()) {
    if (done >= version)
      database.transaction(() => applyStep(database, step, done + 1)).immediate();
  }
}

function applyStep(database: Database.Database, step: string, version: number): void {
  database.exec(step);
  database.pragma(`user_version = ${version}`);
}

function newerSchema(path: string, version: number): StorageError {
  return new StorageError(
    `${path} has schema ${version}, but this sluice knows schemas up to ${migrations.length}. Run the newer sluice again, or move catalog.db away to begin with an empty one`,
  );
}
