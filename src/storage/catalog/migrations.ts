import type Database from "better-sqlite3";
import { StorageError } from "../storage-error.ts";

/** The steps from an empty catalog to the present one; a released step never changes. `user_version` counts them. */
const migrations: readonly string[] = [
  `
  CREATE TABLE repositories (
    id INTEGER PRIMARY KEY,
    upstream TEXT NOT NULL,
    name TEXT NOT NULL,
    UNIQUE (upstream, name)
  ) STRICT;

  -- A digest is a DigestKey everywhere.
  CREATE TABLE blobs (
    digest BLOB PRIMARY KEY,
    size_bytes INTEGER NOT NULL,
    identity TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE manifests (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE REFERENCES blobs (digest) ON DELETE CASCADE,
    media_type TEXT NOT NULL
  ) STRICT;

  CREATE TABLE manifest_references (
    manifest_id INTEGER NOT NULL REFERENCES manifests (id) ON DELETE CASCADE,
    referenced BLOB NOT NULL,
    PRIMARY KEY (manifest_id, referenced)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX manifest_references_by_referenced ON manifest_references (referenced);

  -- Neither grants nor tags need the content to be here: they outlive it.
  CREATE TABLE grants (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    digest BLOB NOT NULL,
    granted_at_ms INTEGER NOT NULL,
    PRIMARY KEY (repository_id, digest)
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX grants_by_digest ON grants (digest);

  CREATE TABLE tags (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    tag TEXT NOT NULL,
    digest BLOB NOT NULL,
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
  ALTER TABLE manifests ADD COLUMN subject BLOB;
  CREATE INDEX manifests_by_subject ON manifests (subject, digest) WHERE subject IS NOT NULL;

  -- When upstream last showed it to an anonymous request.
  ALTER TABLE repositories ADD COLUMN public_at_ms INTEGER;

  ALTER TABLE tags RENAME TO tags_without_variants;
  CREATE TABLE tags (
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    tag TEXT NOT NULL,
    variant TEXT NOT NULL,
    digest BLOB NOT NULL,
    checked_at_ms INTEGER NOT NULL,
    PRIMARY KEY (repository_id, tag, variant)
  ) STRICT, WITHOUT ROWID;
  INSERT INTO tags SELECT repository_id, tag, '', digest, checked_at_ms FROM tags_without_variants;
  DROP TABLE tags_without_variants;
  `,
  `
  -- How many stored manifests name it: what eviction asks of every layer, and some are named by thousands.
  ALTER TABLE blobs ADD COLUMN named_by INTEGER NOT NULL DEFAULT 0;
  UPDATE blobs SET named_by = (SELECT count(*) FROM manifest_references WHERE referenced = digest);
  CREATE TRIGGER references_inserted AFTER INSERT ON manifest_references BEGIN
    UPDATE blobs SET named_by = named_by + 1 WHERE digest = new.referenced;
  END;
  CREATE TRIGGER references_deleted AFTER DELETE ON manifest_references BEGIN
    UPDATE blobs SET named_by = named_by - 1 WHERE digest = old.referenced;
    -- What arrived while its manifest went, or whose manifest is lost, must be found again.
    INSERT INTO accesses SELECT digest, unixepoch() * 1000, 0, 0 FROM blobs
      WHERE digest = old.referenced AND named_by = 0 ON CONFLICT DO NOTHING;
  END;

  -- When what goes by itself was pulled: manifests, and blobs that no manifest names.
  CREATE TABLE accesses (
    digest BLOB PRIMARY KEY REFERENCES blobs (digest) ON DELETE CASCADE,
    last_at_ms INTEGER NOT NULL,
    pulls INTEGER NOT NULL,
    priority REAL NOT NULL
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX accesses_by_priority ON accesses (priority, last_at_ms, digest);
  CREATE INDEX accesses_by_time ON accesses (last_at_ms, digest);
  INSERT INTO accesses SELECT digest, unixepoch() * 1000, 0, 0 FROM blobs
    WHERE named_by = 0 OR digest IN (SELECT digest FROM manifests);

  -- Until its first pull is written, some seconds later, nothing is known of it.
  CREATE TRIGGER blobs_accessible AFTER INSERT ON blobs BEGIN
    UPDATE blobs SET named_by =
      (SELECT count(*) FROM manifest_references WHERE referenced = new.digest)
      WHERE digest = new.digest;
    INSERT INTO accesses SELECT digest, unixepoch() * 1000, 0, 0 FROM blobs
      WHERE digest = new.digest AND named_by = 0;
  END;
  CREATE TRIGGER manifests_accessible AFTER INSERT ON manifests BEGIN
    INSERT INTO accesses VALUES (new.digest, unixepoch() * 1000, 0, 0) ON CONFLICT DO NOTHING;
  END;

  CREATE INDEX tags_by_digest ON tags (digest);
  -- Signatures and the like are found by the digest in their tag.
  CREATE INDEX tags_about_digests ON tags (tag) WHERE tag GLOB 'sha256-*';

  ALTER TABLE totals ADD COLUMN allocated_bytes INTEGER NOT NULL DEFAULT 0;
  UPDATE totals SET allocated_bytes =
    (SELECT coalesce(sum((size_bytes + 4095) / 4096 * 4096), 0) FROM blobs);
  DROP TRIGGER blobs_inserted;
  DROP TRIGGER blobs_deleted;
  DROP TRIGGER blobs_resized;
  CREATE TRIGGER blobs_inserted AFTER INSERT ON blobs BEGIN
    UPDATE totals SET blobs = blobs + 1, bytes = bytes + new.size_bytes,
      allocated_bytes = allocated_bytes + (new.size_bytes + 4095) / 4096 * 4096;
  END;
  CREATE TRIGGER blobs_deleted AFTER DELETE ON blobs BEGIN
    UPDATE totals SET blobs = blobs - 1, bytes = bytes - old.size_bytes,
      allocated_bytes = allocated_bytes - (old.size_bytes + 4095) / 4096 * 4096;
  END;
  CREATE TRIGGER blobs_resized AFTER UPDATE OF size_bytes ON blobs BEGIN
    UPDATE totals SET bytes = bytes - old.size_bytes + new.size_bytes,
      allocated_bytes = allocated_bytes - (old.size_bytes + 4095) / 4096 * 4096
        + (new.size_bytes + 4095) / 4096 * 4096;
  END;
  `,
  `
  -- The log of pulls. Rows go from its front only, so the first and the last id say how many there are.
  CREATE TABLE pulls (
    id INTEGER PRIMARY KEY,
    at_ms INTEGER NOT NULL,
    image_id INTEGER NOT NULL
  ) STRICT;

  -- The images in it, which need not be stored (any more). What they name is apart, so that counting touches few pages.
  CREATE TABLE pulled_images (
    id INTEGER PRIMARY KEY,
    digest BLOB NOT NULL UNIQUE,
    pulls INTEGER NOT NULL DEFAULT 0
  ) STRICT;
  CREATE TABLE pulled_members (
    image_id INTEGER PRIMARY KEY REFERENCES pulled_images (id) ON DELETE CASCADE,
    members BLOB NOT NULL
  ) STRICT;

  ALTER TABLE totals ADD COLUMN pulled_images INTEGER NOT NULL DEFAULT 0;
  CREATE TRIGGER pulled_images_inserted AFTER INSERT ON pulled_images BEGIN
    UPDATE totals SET pulled_images = pulled_images + 1;
  END;
  CREATE TRIGGER pulled_images_deleted AFTER DELETE ON pulled_images BEGIN
    UPDATE totals SET pulled_images = pulled_images - 1;
  END;
  CREATE TRIGGER pulls_inserted AFTER INSERT ON pulls BEGIN
    UPDATE pulled_images SET pulls = pulls + 1 WHERE id = new.image_id;
  END;
  CREATE TRIGGER pulls_deleted AFTER DELETE ON pulls BEGIN
    UPDATE pulled_images SET pulls = pulls - 1 WHERE id = old.image_id;
    DELETE FROM pulled_images WHERE id = old.image_id AND pulls = 0;
  END;
  `,
  `
  -- Whether a stored manifest names it, and so it goes with that: the children of popular indexes, of which each is pulled
  -- more often than its children, would otherwise lie before all that can go.
  ALTER TABLE accesses ADD COLUMN named INTEGER NOT NULL DEFAULT 0;
  UPDATE accesses SET named = 1 WHERE digest IN (SELECT digest FROM blobs WHERE named_by > 0);
  DROP INDEX accesses_by_priority;
  DROP INDEX accesses_by_time;
  CREATE INDEX roots_by_priority ON accesses (priority, last_at_ms, digest) WHERE named = 0;
  CREATE INDEX roots_by_time ON accesses (last_at_ms, digest) WHERE named = 0;
  CREATE TRIGGER blobs_named AFTER UPDATE OF named_by ON blobs
    WHEN (old.named_by = 0) <> (new.named_by = 0) BEGIN
    UPDATE accesses SET named = new.named_by > 0 WHERE digest = new.digest;
  END;

  DROP TRIGGER references_deleted;
  CREATE TRIGGER references_deleted AFTER DELETE ON manifest_references BEGIN
    UPDATE blobs SET named_by = named_by - 1 WHERE digest = old.referenced;
    -- What arrived while its manifest went, or whose manifest is lost, must be found again.
    INSERT INTO accesses (digest, last_at_ms, pulls, priority)
      SELECT digest, unixepoch() * 1000, 0, 0 FROM blobs
      WHERE digest = old.referenced AND named_by = 0 ON CONFLICT DO NOTHING;
  END;
  DROP TRIGGER blobs_accessible;
  CREATE TRIGGER blobs_accessible AFTER INSERT ON blobs BEGIN
    UPDATE blobs SET named_by =
      (SELECT count(*) FROM manifest_references WHERE referenced = new.digest)
      WHERE digest = new.digest;
    INSERT INTO accesses (digest, last_at_ms, pulls, priority)
      SELECT digest, unixepoch() * 1000, 0, 0 FROM blobs
      WHERE digest = new.digest AND named_by = 0;
  END;
  DROP TRIGGER manifests_accessible;
  CREATE TRIGGER manifests_accessible AFTER INSERT ON manifests BEGIN
    INSERT INTO accesses (digest, last_at_ms, pulls, priority, named)
      SELECT digest, unixepoch() * 1000, 0, 0, named_by > 0 FROM blobs
      WHERE digest = new.digest ON CONFLICT DO NOTHING;
  END;
  `,
  `
  -- How far the scrubber is; one row.
  CREATE TABLE scrub_round (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    began_at_ms INTEGER NOT NULL,
    checked_to BLOB,
    is_over INTEGER NOT NULL
  ) STRICT;
  `,
  `
  -- Patterns that operators have pinned while the mirror ran.
  CREATE TABLE pins (pattern TEXT PRIMARY KEY, pinned_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
  `,
  `
  -- The history of tags: what they meant to everyone, and since when. It outlives the tag and the content.
  CREATE TABLE tag_moves (
    id INTEGER PRIMARY KEY,
    repository_id INTEGER NOT NULL REFERENCES repositories (id),
    tag TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    -- NULL: it was seen for the first time.
    moved_from BLOB,
    moved_to BLOB NOT NULL
  ) STRICT;
  CREATE INDEX tag_moves_by_tag ON tag_moves (repository_id, tag, id);

  ALTER TABLE totals ADD COLUMN tag_moves INTEGER NOT NULL DEFAULT 0;
  CREATE TRIGGER tag_moves_inserted AFTER INSERT ON tag_moves BEGIN
    UPDATE totals SET tag_moves = tag_moves + 1;
  END;
  CREATE TRIGGER tag_moves_deleted AFTER DELETE ON tag_moves BEGIN
    UPDATE totals SET tag_moves = tag_moves - 1;
  END;
  `,
  `
  -- What it was called when it was logged first: its tag, or that of an index that names it; the log outlives both.
  ALTER TABLE pulled_images ADD COLUMN name TEXT;
  UPDATE pulled_images SET name = (
    SELECT upstream || '/' || repositories.name || ':' || tag FROM (
      SELECT pulled_images.digest AS digest UNION ALL
      SELECT manifests.digest FROM manifest_references
      CROSS JOIN manifests ON manifests.id = manifest_id
      WHERE referenced = pulled_images.digest)
    CROSS JOIN tags USING (digest) CROSS JOIN repositories ON repositories.id = repository_id
    WHERE variant = '' LIMIT 1);
  `,
  `
  -- Traffic by upstream and by network of clients. The ids are made of a unit of time, a time, and the number of a name
  -- (trafficRowId), so that a window is a range of them.
  CREATE TABLE traffic_names (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE) STRICT;
  CREATE TABLE traffic (id INTEGER PRIMARY KEY, packed BLOB NOT NULL) STRICT;

  -- What it takes, with 16 bytes a row for its id and its place in a page.
  ALTER TABLE totals ADD COLUMN traffic_bytes INTEGER NOT NULL DEFAULT 0;
  CREATE TRIGGER traffic_inserted AFTER INSERT ON traffic BEGIN
    UPDATE totals SET traffic_bytes = traffic_bytes + 16 + length(new.packed);
  END;
  CREATE TRIGGER traffic_updated AFTER UPDATE OF packed ON traffic
    WHEN length(new.packed) <> length(old.packed) BEGIN
    UPDATE totals SET traffic_bytes = traffic_bytes + length(new.packed) - length(old.packed);
  END;
  CREATE TRIGGER traffic_deleted AFTER DELETE ON traffic BEGIN
    UPDATE totals SET traffic_bytes = traffic_bytes - 16 - length(old.packed);
  END;
  `,
];

/**
 * Brings the catalog to the present schema, or an older one, each step in its transaction. Throws
 * StorageError for a catalog that a newer sluice has written, and SqliteError for what is no database.
 */
export function migrate(database: Database.Database, toVersion: number = migrations.length): void {
  const version = Number(database.pragma("user_version", { simple: true }));
  if (isNewer(database)) throw newerSchema(database.name, version);
  // A new catalog waits for the disk once, and not for each step.
  const stepsAtOnce = version === 0 ? migrations.length : 1;
  for (let done = version; done < toVersion; done += stepsAtOnce) {
    const upTo = Math.min(done + stepsAtOnce, toVersion);
    database.transaction(() => applySteps(database, done, upTo)).immediate();
  }
}

/** Whether a newer sluice has written the catalog. Throws SqliteError for what is no database. */
export function isNewer(database: Database.Database): boolean {
  return Number(database.pragma("user_version", { simple: true })) > migrations.length;
}

function applySteps(database: Database.Database, fromVersion: number, toVersion: number): void {
  for (const step of migrations.slice(fromVersion, toVersion)) database.exec(step);
  database.pragma(`user_version = ${toVersion}`);
}

function newerSchema(path: string, version: number): StorageError {
  return new StorageError(
    `${path} has schema ${version}, but this sluice knows schemas up to ${migrations.length}. Run the newer sluice again, or move catalog.db away to begin with an empty one`,
  );
}
