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
