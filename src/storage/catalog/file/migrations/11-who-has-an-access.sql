-- Whether accesses has a row of it. Layers have none, and to look for it is half of what a layer takes of who reads an image.
ALTER TABLE blobs ADD COLUMN has_access INTEGER NOT NULL DEFAULT 0;
UPDATE blobs SET has_access = 1 WHERE digest IN (SELECT digest FROM accesses);
CREATE TRIGGER accesses_inserted AFTER INSERT ON accesses BEGIN
  UPDATE blobs SET has_access = 1 WHERE digest = new.digest;
END;
