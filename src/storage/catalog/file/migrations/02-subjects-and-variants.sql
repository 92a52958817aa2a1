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
