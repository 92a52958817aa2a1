import type Database from "better-sqlite3";
import type { Digest } from "../../../oci/digest.ts";
import type {
  AccessRecord,
  BlobRecord,
  EvictionRecord,
  Location,
  ManifestRecord,
} from "../../catalog.ts";
import { type DigestKey, keyOf } from "../digest-key.ts";
import { inRepository, namesOf } from "../location-in-sql.ts";
import { UpkeepStatements } from "../upkeep-statements.ts";
import type { CatalogWrite } from "./catalog-write.ts";
import { PullLogStatements } from "./pull-log-statements.ts";
import { TagMoveStatements } from "./tag-move-statements.ts";

type Statement<Parameters extends unknown[], Row = unknown> = Database.Statement<Parameters, Row>;

/** What each write means in SQL. */
export class WriteStatements {
  readonly #addRepository: Statement<[string, string]>;
  readonly #putBlob: Statement<[DigestKey, number, string]>;
  readonly #adoptBlob: Statement<[DigestKey, number, string]>;
  readonly #putManifest: Statement<[DigestKey, string, DigestKey | null], { id: number }>;
  readonly #clearReferences: Statement<[number]>;
  readonly #addReference: Statement<[number, DigestKey]>;
  readonly #putGrant: Statement<[DigestKey, number, string, string]>;
  readonly #putTag: Statement<[string, string, DigestKey, number, string, string]>;
  readonly #dropOldVariants: Statement<[string, string, string, string]>;
  readonly #setPublic: Statement<[number | null, string, string]>;
  readonly #setIdentity: Statement<[string, DigestKey]>;
  readonly #dropTag: Statement<[string, string | null, string, string]>;
  readonly #dropGrant: Statement<[DigestKey, string, string]>;
  readonly #dropLost: Statement<[DigestKey, string]>;
  readonly #upkeep: UpkeepStatements;
  readonly #putAccess: Statement<[number, number, number, DigestKey]>;
  readonly #lastAccess: Statement<[DigestKey], { lastAtMs: number | null }>;
  readonly #evictBlob: Statement<[DigestKey]>;
  readonly #dropTagsOf: Statement<[DigestKey]>;
  readonly #dropGrantsOf: Statement<[DigestKey]>;
  readonly #pullLog: PullLogStatements;
  readonly #tagMoves: TagMoveStatements;

  constructor(database: Database.Database) {
    this.#addRepository = database.prepare(
      "INSERT INTO repositories (upstream, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#putBlob = database.prepare(
      `INSERT INTO blobs (digest, size_bytes, identity) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET size_bytes = excluded.size_bytes, identity = excluded.identity`,
    );
    this.#adoptBlob = database.prepare(
      "INSERT INTO blobs (digest, size_bytes, identity) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
    );
    this.#putManifest = database.prepare(
      `INSERT INTO manifests (digest, media_type, subject) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET media_type = excluded.media_type, subject = excluded.subject
       RETURNING id`,
    );
    this.#clearReferences = database.prepare(
      "DELETE FROM manifest_references WHERE manifest_id = ?",
    );
    this.#addReference = database.prepare(
      "INSERT INTO manifest_references (manifest_id, referenced) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#putGrant = database.prepare(
      `INSERT INTO grants (repository_id, digest, granted_at_ms)
       SELECT id, ?, ? FROM repositories WHERE upstream = ? AND name = ?
       ON CONFLICT DO UPDATE SET granted_at_ms = excluded.granted_at_ms`,
    );
    this.#putTag = database.prepare(
      `INSERT INTO tags (repository_id, tag, variant, digest, checked_at_ms)
       SELECT id, ?, ?, ?, ? FROM repositories WHERE upstream = ? AND name = ?
       ON CONFLICT DO UPDATE SET digest = excluded.digest, checked_at_ms = excluded.checked_at_ms`,
    );
    this.#dropOldVariants = database.prepare(
      `DELETE FROM tags WHERE (repository_id, tag, variant) IN (
         SELECT repository_id, tag, variant FROM tags
         WHERE tag = +? AND variant NOT IN ('', +?) AND ${inRepository}
         ORDER BY checked_at_ms DESC LIMIT -1 OFFSET ${otherVariants})`,
    );
    this.#setPublic = database.prepare(
      "UPDATE repositories SET public_at_ms = ? WHERE upstream = ? AND name = ?",
    );
    this.#setIdentity = database.prepare("UPDATE blobs SET identity = ? WHERE digest = ?");
    this.#dropTag = database.prepare(
      `DELETE FROM tags WHERE tag = ? AND variant = coalesce(?, variant) AND ${inRepository}`,
    );
    this.#dropGrant = database.prepare(`DELETE FROM grants WHERE digest = ? AND ${inRepository}`);
    this.#upkeep = new UpkeepStatements(database);
    this.#putAccess = database.prepare(
      `INSERT INTO accesses (digest, last_at_ms, pulls, priority, named)
       SELECT digest, ?, ?, ?, named_by > 0 FROM blobs
       WHERE digest = ?
         AND (named_by = 0 OR EXISTS (SELECT 1 FROM manifests WHERE digest = blobs.digest))
       ON CONFLICT DO UPDATE SET
         last_at_ms = excluded.last_at_ms, pulls = excluded.pulls, priority = excluded.priority`,
    );
    this.#lastAccess = database.prepare(
      `WITH RECURSIVE image (digest) AS (
         VALUES (?) UNION
         SELECT referenced FROM image
         CROSS JOIN manifests ON manifests.digest = image.digest
         CROSS JOIN manifest_references ON manifest_id = manifests.id
         CROSS JOIN manifests AS children ON children.digest = referenced)
       SELECT max(last_at_ms) AS lastAtMs FROM image CROSS JOIN accesses USING (digest)`,
    );
    this.#evictBlob = database.prepare("DELETE FROM blobs WHERE digest = ? AND named_by = 0");
    this.#dropTagsOf = database.prepare("DELETE FROM tags WHERE digest = ?");
    this.#dropGrantsOf = database.prepare("DELETE FROM grants WHERE digest = ?");
    // The manifest and its references go with it, by their foreign keys.
    this.#dropLost = database.prepare("DELETE FROM blobs WHERE digest = ? AND identity = ?");
    this.#pullLog = new PullLogStatements(database);
    this.#tagMoves = new TagMoveStatements(database);
  }

  apply(write: CatalogWrite): void {
    switch (write.kind) {
      case "record-blob":
        this.#recordBlob(write.location, write.blob, write.nowMs);
        break;
      case "record-manifest":
        this.#recordManifest(write.location, write.manifest, write.nowMs);
        break;
      case "record-tag":
        this.#recordTag(write);
        break;
      case "record-grant":
        this.#recordGrant(write.location, write.digest, write.nowMs);
        break;
      case "record-identity":
        this.#setIdentity.run(write.identity, keyOf(write.digest));
        break;
      case "record-public":
        this.#recordPublic(write.location, write.nowMs);
        break;
      case "record-pins":
      case "forget-pins":
      case "record-scrub-round":
      case "record-traffic":
        this.#upkeep.apply(write);
        break;
      case "record-accesses":
        this.#recordAccesses(write.accesses);
        break;
      case "record-pulls":
        this.#pullLog.record(write.pulls, write.bounds);
        break;
      case "evict":
        this.#evict(write.eviction);
        break;
      case "forget-tag":
      case "forget-grant":
      case "forget-public":
      case "forget-lost":
        this.#forget(write);
        break;
      case "adopt-blob":
        this.#adoptBlob.run(keyOf(write.blob.digest), write.blob.sizeBytes, write.blob.identity);
        break;
    }
  }

  #forget(
    write: CatalogWrite & {
      readonly kind: `forget-${"tag" | "grant" | "public" | "lost"}`;
    },
  ): void {
    switch (write.kind) {
      case "forget-tag":
        this.#dropTag.run(write.tag, write.variant, ...namesOf(write.location));
        break;
      case "forget-grant":
        this.#dropGrant.run(keyOf(write.digest), ...namesOf(write.location));
        break;
      case "forget-public":
        this.#setPublic.run(null, ...namesOf(write.location));
        break;
      case "forget-lost":
        this.#dropLost.run(keyOf(write.blob.digest), write.blob.identity);
        break;
    }
  }

  #recordAccesses(accesses: readonly AccessRecord[]): void {
    for (const { digest, lastAtMs, pulls, priority } of accesses) {
      this.#putAccess.run(lastAtMs, pulls, priority, keyOf(digest));
    }
  }

  #recordBlob(location: Location, blob: BlobRecord, nowMs: number): void {
    this.#putBlob.run(keyOf(blob.digest), blob.sizeBytes, blob.identity);
    this.#recordGrant(location, blob.digest, nowMs);
  }

  #recordManifest(location: Location, manifest: ManifestRecord, nowMs: number): void {
    const { blob, mediaType, references, subject } = manifest;
    this.#recordBlob(location, blob, nowMs);
    const row = this.#putManifest.get(keyOf(blob.digest), mediaType, subject && keyOf(subject));
    if (!row) return;
    this.#clearReferences.run(row.id);
    for (const reference of references) this.#addReference.run(row.id, keyOf(reference));
  }

  #evict({ latestAtMs, digests }: EvictionRecord): void {
    const keys = digests.map(keyOf);
    const wasPulled = (key: DigestKey): boolean =>
      (this.#lastAccess.get(key)?.lastAtMs ?? 0) > latestAtMs;
    if (keys.some(wasPulled)) return;
    for (const [at, key] of keys.entries()) {
      // Its references go with a manifest, so that nothing names what follows; unless something new does.
      const isGone = this.#evictBlob.run(key).changes > 0;
      // What goes with the root stays with it, though no manifest may name it.
      if (!isGone && at === 0) return;
      if (!isGone) continue;
      this.#dropTagsOf.run(key);
      this.#dropGrantsOf.run(key);
    }
  }

  #recordTag({ location, tag, variant, record }: CatalogWrite & { kind: "record-tag" }): void {
    const names = namesOf(location);
    this.#addRepository.run(...names);
    if (variant === "") this.#tagMoves.note(location, tag, record);
    this.#putTag.run(tag, variant, keyOf(record.digest), record.checkedAtMs, ...names);
    if (variant !== "") this.#dropOldVariants.run(tag, variant, ...names);
  }

  #recordPublic(location: Location, nowMs: number): void {
    this.#addRepository.run(...namesOf(location));
    this.#setPublic.run(nowMs, ...namesOf(location));
  }

  #recordGrant(location: Location, digest: Digest, nowMs: number): void {
    this.#addRepository.run(...namesOf(location));
    this.#putGrant.run(keyOf(digest), nowMs, ...namesOf(location));
  }
}

// Of the variants beside "", those that are kept with the one just recorded: few clients ask in a way of their own,
// and a client that invents Accept headers must not fill the catalog.
const otherVariants = 3;
