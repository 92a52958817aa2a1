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
