import type Database from "better-sqlite3";
import type { Tag } from "../../../oci/reference.ts";
import type { Repository } from "../../../oci/repository.ts";
import type { Usage } from "../../catalog.ts";
import type { Access } from "../../eviction/eviction.ts";
import type { DigestKey } from "../digest-key.ts";
import { inRepository } from "../location-in-sql.ts";
import { type UpkeepReads, upkeepReads } from "../upkeep-statements.ts";

/** The look-ups of the Catalog port; a point takes some microseconds, on the thread that asks, and a list that for each row. */
export interface ReadStatements extends UpkeepReads {
  readonly blob: Database.Statement<[DigestKey], { sizeBytes: number; identity: string }>;
  readonly manifestMediaType: Database.Statement<[DigestKey], { mediaType: string }>;
  /** By upstream, repository, tag and variant. */
  readonly tag: Database.Statement<
    [string, string, string, string],
    { digest: DigestKey; checkedAtMs: number }
  >;
  /** By upstream, repository and tag. */
  readonly tagVariants: Database.Statement<
    [string, string, string],
    { variant: string; digest: DigestKey; checkedAtMs: number }
  >;
  /** By upstream, repository, tag and limit. */
  readonly tagMoves: Database.Statement<
    [string, string, string, number],
    { atMs: number; from: DigestKey | null; to: DigestKey }
  >;
  /** By upstream, repository, the name before, and limit. */
  readonly tags: Database.Statement<[string, string, string, number], { tag: Tag }>;
  /** By upstream, the name before, and limit. */
  readonly repositories: Database.Statement<[string, string, number], { name: Repository }>;
  /** By upstream, repository and digest. */
  readonly grant: Database.Statement<[string, string, DigestKey], { grantedAtMs: number }>;
  /** By digest, upstream and repository. */
  readonly reference: Database.Statement<[DigestKey, string, string], { found: 1 }>;
  /** By digest and upstream. */
  readonly grantOfUpstream: Database.Statement<[DigestKey, string], { found: 1 }>;
  /** By subject, upstream, repository and limit. */
  readonly referrers: Database.Statement<
    [DigestKey, string, string, number],
    { digest: DigestKey }
  >;
  /** By manifest, upstream and repository. */
  readonly ungranted: Database.Statement<[DigestKey, string, string], { digest: DigestKey }>;
  /** By upstream and repository. */
  readonly publicAt: Database.Statement<[string, string], { publicAtMs: number | null }>;
  /** By the digest before, and limit. */
  readonly blobs: Database.Statement<
    [DigestKey, number],
    { digest: DigestKey; sizeBytes: number; identity: string }
  >;
  readonly usage: Database.Statement<[], Usage>;
  readonly access: Database.Statement<[DigestKey], Access>;
  /** By manifest, twice. */
  readonly imageBytes: Database.Statement<[DigestKey, DigestKey], { bytes: number }>;
  readonly lowestPriority: Database.Statement<[], { priority: number }>;
  readonly pulledImage: Database.Statement<[DigestKey], { found: 1 }>;
}

// Images have some dozens of layers and indexes some dozens of children; a thousand take some milliseconds.
const referencesLimit = 1000;

/** Prepares them once, for as long as `database` is open. */
export function readStatements(database: Database.Database): ReadStatements {
  return {
    ...upkeepReads(database),
    blob: database.prepare("SELECT size_bytes AS sizeBytes, identity FROM blobs WHERE digest = ?"),
    manifestMediaType: database.prepare(
      "SELECT media_type AS mediaType FROM manifests WHERE digest = ?",
    ),
    ...tagStatements(database),
    repositories: database.prepare(
      `SELECT name FROM repositories
       WHERE upstream = +? AND name > +? AND EXISTS (SELECT 1 FROM grants WHERE repository_id = id)
       ORDER BY name LIMIT +?`,
    ),
    grant: database.prepare(
      `SELECT granted_at_ms AS grantedAtMs
       FROM repositories JOIN grants ON repository_id = id
       WHERE upstream = +? AND name = +? AND digest = +?`,
    ),
    // CROSS JOIN makes SQLite keep this order: the manifests that name a digest are few, the grants of
    // a repository can be many.
    reference: database.prepare(
      `SELECT 1 AS found
       FROM manifest_references
       CROSS JOIN manifests ON id = manifest_id
       CROSS JOIN grants USING (digest)
       WHERE referenced = +? AND ${inRepository} LIMIT 1`,
    ),
    grantOfUpstream: database.prepare(
      `SELECT 1 AS found FROM grants CROSS JOIN repositories ON id = repository_id
       WHERE digest = +? AND upstream = +? LIMIT 1`,
    ),
    referrers: database.prepare(
      `SELECT manifests.digest FROM manifests CROSS JOIN grants USING (digest)
       WHERE subject = +? AND ${inRepository} ORDER BY manifests.digest LIMIT +?`,
    ),
    ungranted: database.prepare(
      `SELECT digest
       FROM (
         SELECT referenced FROM manifests JOIN manifest_references ON manifest_id = id
         WHERE digest = +? LIMIT ${referencesLimit})
       CROSS JOIN blobs ON digest = referenced
       WHERE NOT EXISTS (
         SELECT 1 FROM grants WHERE ${inRepository} AND grants.digest = blobs.digest)`,
    ),
    publicAt: database.prepare(
      "SELECT public_at_ms AS publicAtMs FROM repositories WHERE upstream = ? AND name = ?",
    ),
    blobs: database.prepare(
      `SELECT digest, size_bytes AS sizeBytes, identity FROM blobs
       WHERE digest > +? ORDER BY digest LIMIT +?`,
    ),
    usage: database.prepare("SELECT blobs, bytes, allocated_bytes AS allocatedBytes FROM totals"),
    access: database.prepare(
      "SELECT last_at_ms AS lastAtMs, pulls, priority FROM accesses WHERE digest = ?",
    ),
    imageBytes: database.prepare(
      `WITH named (digest) AS (
         SELECT referenced FROM manifests JOIN manifest_references ON manifest_id = id
         WHERE digest = +?)
       SELECT coalesce(sum(size_bytes), 0) AS bytes FROM blobs WHERE digest IN (
         SELECT ? UNION SELECT digest FROM named UNION
         SELECT referenced FROM named
         CROSS JOIN manifests USING (digest)
         CROSS JOIN manifest_references ON manifest_id = id)`,
    ),
    lowestPriority: database.prepare(
      "SELECT priority FROM accesses WHERE named = 0 ORDER BY priority LIMIT 1",
    ),
    pulledImage: database.prepare("SELECT 1 AS found FROM pulled_images WHERE digest = ?"),
  };
}

function tagStatements(
  database: Database.Database,
): Pick<ReadStatements, "tag" | "tagVariants" | "tagMoves" | "tags"> {
  return {
    tag: database.prepare(
      `SELECT digest, checked_at_ms AS checkedAtMs
       FROM repositories JOIN tags ON repository_id = id
       WHERE upstream = +? AND name = +? AND tag = +? AND variant = +?`,
    ),
    tagVariants: database.prepare(
      `SELECT variant, digest, checked_at_ms AS checkedAtMs FROM tags
       WHERE ${inRepository} AND tag = +? ORDER BY variant`,
    ),
    tagMoves: database.prepare(
      `SELECT at_ms AS atMs, moved_from AS "from", moved_to AS "to" FROM tag_moves
       WHERE ${inRepository} AND tag = +? ORDER BY id DESC LIMIT +?`,
    ),
    tags: database.prepare(
      `SELECT tag FROM tags WHERE ${inRepository} AND tag > +? AND variant = '' ORDER BY tag LIMIT +?`,
    ),
  };
}
