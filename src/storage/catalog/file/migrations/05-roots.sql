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
