import type Database from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import { imageName } from "../../oci/image-name.ts";
import type { Tag } from "../../oci/reference.ts";
import { type DigestKey, idOf, keyOf } from "../catalog/digest-key.ts";
import type { StoredObject } from "../eviction/eviction.ts";

/** What is asked: who else needs the content of an image. */
export interface SharedContent {
  readonly content: readonly StoredObject[];
  /** The manifests of the image itself. */
  readonly own: readonly Digest[];
}

export interface Sharers {
  /** How many manifests of other images name some of it; 10,000 are counted at most. */
  readonly manifests: number;
  /** Full names of images, those that share most first; ten at most. */
  readonly names: readonly { readonly name: string; readonly sharedBytes: number }[];
}

const namesLimit = 10;

// Of one blob. The base layers of a company are in all its images.
const namersLimit = 1_000;
const sharersLimit = 10_000;

/** The images that need some of the content too. */
export function imageSharers(database: Database.Database, asked: SharedContent): Sharers {
  const namers = database.prepare<[DigestKey, number], { key: DigestKey }>(
    `SELECT digest AS key FROM manifest_references CROSS JOIN manifests ON id = manifest_id
     WHERE referenced = +? LIMIT +?`,
  );
  const own = new Set(asked.own.map((digest) => idOf(keyOf(digest))));
  const shared = new Map<string, Sharer>();
  for (const { digest, sizeBytes } of asked.content) {
    if (shared.size > sharersLimit) break;
    for (const { key } of namers.all(keyOf(digest), namersLimit)) {
      const id = idOf(key);
      const sharedBytes = (shared.get(id)?.sharedBytes ?? 0) + sizeBytes;
      if (!own.has(id)) shared.set(id, { key, sharedBytes });
    }
  }
  return { manifests: shared.size, names: namesOf(database, [...shared.values()]) };
}

/** A manifest that names some of it. */
interface Sharer {
  readonly key: DigestKey;
  readonly sharedBytes: number;
}

function namesOf(database: Database.Database, sharers: readonly Sharer[]): Sharers["names"] {
  // By itself, or by an index that names it.
  const tags = database.prepare<
    [DigestKey, DigestKey],
    { upstream: string; repository: string; tag: Tag }
  >(
    `SELECT DISTINCT upstream, name AS repository, tag FROM (
       SELECT ? AS digest UNION ALL
       SELECT digest FROM manifest_references CROSS JOIN manifests ON id = manifest_id
       WHERE referenced = +?)
     CROSS JOIN tags USING (digest) CROSS JOIN repositories ON id = repository_id
     WHERE variant = '' ORDER BY upstream, name, tag LIMIT ${namesLimit}`,
  );
  const names = new Map<string, number>();
  const most = sharers.toSorted((one, other) => other.sharedBytes - one.sharedBytes);
  for (const { key, sharedBytes } of most) {
    if (names.size >= namesLimit) break;
    for (const { upstream, repository, tag } of tags.all(key, key)) {
      const name = imageName({ upstream, repository }, { kind: "tag", tag });
      if (!names.has(name)) names.set(name, sharedBytes);
    }
  }
  return [...names].slice(0, namesLimit).map(([name, sharedBytes]) => ({ name, sharedBytes }));
}
