-- What it was called when it was logged first: its tag, or that of an index that names it; the log outlives both.
ALTER TABLE pulled_images ADD COLUMN name TEXT;
UPDATE pulled_images SET name = (
  SELECT upstream || '/' || repositories.name || ':' || tag FROM (
    SELECT pulled_images.digest AS digest UNION ALL
    SELECT manifests.digest FROM manifest_references
    CROSS JOIN manifests ON manifests.id = manifest_id
    WHERE referenced = pulled_images.digest)
  CROSS JOIN tags USING (digest) CROSS JOIN repositories ON repositories.id = repository_id
  WHERE variant = '' LIMIT 1);
