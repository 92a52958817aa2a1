-- Patterns that operators have pinned while the mirror ran.
CREATE TABLE pins (pattern TEXT PRIMARY KEY, pinned_at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
