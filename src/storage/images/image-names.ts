import type Database from "better-sqlite3";
import { imageName } from "../../oci/image-name.ts";
import type { Reference, Tag } from "../../oci/reference.ts";
import type { Repository } from "../../oci/repository.ts";
import { type DigestKey, digestOfKey } from "../catalog/digest-key.ts";
import { rowPages } from "../catalog/row-pages.ts";
import type { Location } from "../catalog.ts";
import { principalIn } from "../eviction/tag-about.ts";

/** A name that an operator may call a stored image by. */
export interface ImageNameRow extends Location {
  readonly reference: Reference;
  readonly key: DigestKey;
  /** In full. */
  readonly name: string;
}

const rowsPerRead = 5_000;

/**
 * Every image of the catalog under each of its names, in no order: by its tags; by its digest, where no tag and no index
 * leads to it. What is about another image, such as a signature, is none.
 */
export function* imageNames(database: Database.Database): Generator<ImageNameRow> {
  const repositories = readRepositories(database);
  for (const { repository, tag, key } of tags(database)) {
    const location = repositories.get(repository);
    if (location && principalIn(tag) === null) yield named(location, { kind: "tag", tag }, key);
  }
  for (const { repository, key } of untagged(database)) {
    const location = repositories.get(repository);
    const reference: Reference = { kind: "digest", digest: digestOfKey(key) };
    if (location) yield named(location, reference, key);
  }
}

function named(location: Location, reference: Reference, key: DigestKey): ImageNameRow {
  const { upstream, repository } = location;
  return {
    upstream,
    repository,
    reference,
    key,
    name: imageName({ upstream, repository }, reference),
  };
}

interface RepositoryRow {
  readonly id: number;
  readonly upstream: string;
  readonly repository: Repository;
}

function readRepositories(database: Database.Database): Map<number, Location> {
  const read = database.prepare<[number, number], RepositoryRow>(
    "SELECT id, upstream, name AS repository FROM repositories WHERE id > +? ORDER BY id LIMIT +?",
  );
  const rows = rowPages<RepositoryRow>(rowsPerRead, (last, limit) =>
    read.all(last?.id ?? 0, limit),
  );
  const repositories = new Map<number, Location>();
  for (const { id, ...location } of rows) repositories.set(id, location);
  return repositories;
}

interface TagRow {
  readonly repository: number;
  readonly tag: Tag;
  readonly key: DigestKey;
}

function tags(database: Database.Database): Iterable<TagRow> {
  const read = database.prepare<[number, string, number], TagRow>(
    `SELECT repository_id AS repository, tag, digest AS key FROM tags
     WHERE (repository_id, tag) > (+?, +?) AND variant = '' ORDER BY repository_id, tag LIMIT +?`,
  );
  return rowPages<TagRow>(rowsPerRead, (last, limit) =>
    read.all(last?.repository ?? 0, last?.tag ?? "", limit),
  );
}

/** By windows of numbers and not by pages, since few of many manifests may be what is looked for. */
function* untagged(
  database: Database.Database,
): Generator<{ readonly repository: number; readonly key: DigestKey }> {
  const highest = database
    .prepare<[], { id: number | null }>("SELECT max(id) AS id FROM manifests")
    .get();
  const read = database.prepare<[number, number], { repository: number; key: DigestKey }>(
    `SELECT repository_id AS repository, manifests.digest AS key FROM manifests
     CROSS JOIN blobs ON blobs.digest = manifests.digest
     CROSS JOIN grants ON grants.digest = manifests.digest
     WHERE manifests.id > +? AND manifests.id <= +? AND named_by = 0 AND subject IS NULL
       AND NOT EXISTS (SELECT 1 FROM tags WHERE tags.digest = manifests.digest)`,
  );
  for (let from = 0; from < (highest?.id ?? 0); from += rowsPerRead) {
    yield* read.all(from, from + rowsPerRead);
  }
}
