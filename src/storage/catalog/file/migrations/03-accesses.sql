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
