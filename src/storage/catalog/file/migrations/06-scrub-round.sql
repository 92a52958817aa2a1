-- How far the scrubber is; one row.
CREATE TABLE scrub_round (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  began_at_ms INTEGER NOT NULL,
  checked_to BLOB,
  is_over INTEGER NOT NULL
) STRICT;
