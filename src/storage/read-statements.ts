import type Database from "better-sqlite3";
import type { Digest } from "../oci/digest.ts";
import type { Usage } from "./catalog.ts";

/** The point look-ups of the Catalog port; each takes some microseconds, on the thread that asks. */
export interface ReadStatements {
  readonly blob: Database.Statement<[string], { sizeBytes: number; identity: string }>;
  readonly manifestMediaType: Database.Statement<[string], { mediaType: string }>;
  /** By upstream, repository and tag. */
  readonly tag: Database.Statement<
    [string, string, string],
    { digest: Digest; checkedAtMs: number }
  >;
  /** By upstream, repository and digest. */
  readonly grant: Database.Statement<[string, string, string], { grantedAtMs: number }>;
  /** By digest, upstream and repository. */
  readonly reference: Database.Statement<[string, string, string], { found: 1 }>;
  /** By digest and upstream. */
  readonly grantOfUpstream: Database.Statement<[string, string], { found: 1 }>;
  readonly usage: Database.Statement<[], Usage>;
}

/** Prepares them once, for as long as `database` is open. */
export function readStatements(database: Database.Database): ReadStatements {
  return {
    blob: database.prepare("SELECT size_bytes AS sizeBytes, identity FROM blobs WHERE digest = ?"),
    manifestMediaType: database.prepare(
      "SELECT media_type AS mediaType FROM manifests WHERE digest = ?",
    ),
    tag: database.prepare(
      `SELECT digest, checked_at_ms AS checkedAtMs
       FROM repositories JOIN tags ON repository_id = id
       WHERE upstream = ? AND name = ? AND tag = ?`,
    ),
    grant: database.prepare(
      `SELECT granted_at_ms AS grantedAtMs
       FROM repositories JOIN grants ON repository_id = id
       WHERE upstream = ? AND name = ? AND digest = ?`,
    ),
    // CROSS JOIN makes SQLite keep this order: the manifests that name a digest are few, the grants of
    // a repository can be many.
    reference: database.prepare(
      `SELECT 1 AS found
       FROM manifest_references CROSS JOIN grants ON grants.digest = manifest
       WHERE referenced = ?
         AND repository_id = (SELECT id FROM repositories WHERE upstream = ? AND name = ?)
       LIMIT 1`,
    ),
    grantOfUpstream: database.prepare(
      `SELECT 1 AS found FROM grants CROSS JOIN repositories ON id = repository_id
       WHERE digest = ? AND upstream = ? LIMIT 1`,
    ),
    usage: database.prepare("SELECT blobs, bytes FROM totals"),
  };
}
