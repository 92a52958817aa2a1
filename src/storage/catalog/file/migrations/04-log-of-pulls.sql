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
