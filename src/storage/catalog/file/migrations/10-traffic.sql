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
