import type Database from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import type { Tag } from "../../oci/reference.ts";
import { type DigestKey, digestIn, keyOf, noKey } from "../catalog/digest-key.ts";
import { rowPages } from "../catalog/row-pages.ts";
import type { Location } from "../catalog.ts";

/** Something stored that may be a root. */
export interface RootRow {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** How many stored manifests name it. */
  readonly namedBy: number;
  /** null for what is no manifest. */
  readonly manifestId: number | null;
  readonly subject: Digest | null;
  readonly lastAtMs: number;
  readonly pulls: number;
  readonly priority: number;
}

type Rows<Parameters extends unknown[], Row> = Database.Statement<Parameters, Row>;

type All<Parameters extends unknown[], Row> = Pick<Rows<Parameters, Row>, "all">;

export interface VictimQueries {
  /** What no stored manifest names, in order. */
  byPriority(): Generator<RootRow>;
  byTime(): Generator<RootRow>;
  /** What a manifest names, stored or not. By the manifest's number. */
  readonly named: Rows<[number], { digest: Digest }>;
  /** The same, as far as it is stored. */
  readonly members: All<[number], RootRow>;
  /** Manifests whose subject is the digest. */
  readonly about: Rows<[DigestKey], RootRow>;
  /** Manifests with a tag from the first text on and before the second. */
  readonly taggedBetween: Rows<[string, string], RootRow>;
  /** The manifests that name a digest. */
  readonly namers: Rows<[DigestKey], RootRow>;
  readonly manifest: Rows<[DigestKey], RootRow>;
  /** Whatever it is. */
  readonly blob: Rows<[DigestKey], RootRow>;
  readonly tagsOf: All<[DigestKey], Location & { readonly tag: Tag }>;
  readonly grantsOf: All<[DigestKey], Location>;
}

const pageRows = 500;

const columns = `${digestIn("blobs.digest")} AS digest, size_bytes AS sizeBytes, named_by AS namedBy,
  id AS manifestId, ${digestIn("subject")} AS subject,
  coalesce(last_at_ms, 0) AS lastAtMs, coalesce(pulls, 0) AS pulls, coalesce(priority, 0) AS priority`;

// Every manifest has an access, and of the layers hardly any: so they are looked up neither there nor among the manifests.
const joins = `LEFT JOIN accesses ON accesses.digest = CASE WHEN has_access THEN blobs.digest END
  LEFT JOIN manifests ON manifests.digest = accesses.digest`;

export function victimQueries(database: Database.Database): VictimQueries {
  const after = (where: string): string =>
    `SELECT ${columns} FROM accesses
     CROSS JOIN blobs ON blobs.digest = accesses.digest
     LEFT JOIN manifests ON manifests.digest = blobs.digest
     WHERE named = 0 AND ${where} LIMIT ${pageRows}`;
  // Named in full: a result has the name of the column too, and by a result there is no index.
  const byPriority: Rows<[number, number, Buffer], RootRow> = database.prepare(
    after(`(accesses.priority, last_at_ms, accesses.digest) > (+?, +?, +?)
      ORDER BY accesses.priority, last_at_ms, accesses.digest`),
  );
  const byTime: Rows<[number, Buffer], RootRow> = database.prepare(
    after("(last_at_ms, accesses.digest) > (+?, +?) ORDER BY last_at_ms, accesses.digest"),
  );
  return {
    byPriority: () =>
      rowPages<RootRow>(pageRows, (last) =>
        byPriority.all(
          last?.priority ?? Number.NEGATIVE_INFINITY,
          last?.lastAtMs ?? 0,
          keyAfter(last),
        ),
      ),
    byTime: () =>
      rowPages<RootRow>(pageRows, (last) =>
        byTime.all(last?.lastAtMs ?? Number.NEGATIVE_INFINITY, keyAfter(last)),
      ),
    named: database.prepare(
      `SELECT ${digestIn("referenced")} AS digest FROM manifest_references WHERE manifest_id = ?`,
    ),
    members: database.prepare(
      `SELECT ${columns} FROM manifest_references
       CROSS JOIN blobs ON blobs.digest = referenced ${joins} WHERE manifest_id = +?`,
    ),
    about: database.prepare(
      `SELECT ${columns} FROM manifests
       CROSS JOIN blobs ON blobs.digest = manifests.digest
       LEFT JOIN accesses ON accesses.digest = blobs.digest WHERE subject = +?`,
    ),
    taggedBetween: database.prepare(
      `SELECT ${columns} FROM tags
       CROSS JOIN blobs ON blobs.digest = tags.digest ${joins}
       WHERE tag GLOB 'sha256-*' AND tag >= +? AND tag < +?`,
    ),
    namers: database.prepare(
      `SELECT ${columns} FROM manifest_references
       CROSS JOIN manifests ON id = manifest_id
       CROSS JOIN blobs ON blobs.digest = manifests.digest
       LEFT JOIN accesses ON accesses.digest = blobs.digest WHERE referenced = +?`,
    ),
    manifest: database.prepare(
      `SELECT ${columns} FROM manifests
       CROSS JOIN blobs ON blobs.digest = manifests.digest
       LEFT JOIN accesses ON accesses.digest = blobs.digest WHERE manifests.digest = +?`,
    ),
    blob: database.prepare(`SELECT ${columns} FROM blobs ${joins} WHERE blobs.digest = +?`),
    tagsOf: database.prepare(
      `SELECT upstream, name AS repository, tag FROM tags
       CROSS JOIN repositories ON id = repository_id WHERE digest = +?`,
    ),
    grantsOf: database.prepare(
      `SELECT upstream, name AS repository FROM grants
       CROSS JOIN repositories ON id = repository_id WHERE digest = +?`,
    ),
  };
}

function keyAfter(row: RootRow | undefined): DigestKey {
  return row ? keyOf(row.digest) : noKey;
}
