import type Database from "better-sqlite3";
import type { BlobRecord, Location, ManifestRecord, TagRecord } from "./catalog.ts";
import type { CatalogWrite } from "./catalog-write.ts";

type Statement<Parameters extends unknown[]> = Database.Statement<Parameters>;

/** What each write means in SQL. */
export class WriteStatements {
  readonly #addRepository: Statement<[string, string]>;
  readonly #putBlob: Statement<[string, number, string]>;
  readonly #putManifest: Statement<[string, string]>;
  readonly #clearReferences: Statement<[string]>;
  readonly #addReference: Statement<[string, string]>;
  readonly #putGrant: Statement<[string, number, string, string]>;
  readonly #putTag: Statement<[string, string, number, string, string]>;
  readonly #setIdentity: Statement<[string, string]>;
  readonly #dropTag: Statement<[string, string, string]>;
  readonly #dropGrant: Statement<[string, string, string]>;
  readonly #dropBlob: Statement<[string]>;

  constructor(database: Database.Database) {
    this.#addRepository = database.prepare(
      "INSERT INTO repositories (upstream, name) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#putBlob = database.prepare(
      `INSERT INTO blobs (digest, size_bytes, identity) VALUES (?, ?, ?)
       ON CONFLICT DO UPDATE SET size_bytes = excluded.size_bytes, identity = excluded.identity`,
    );
    this.#putManifest = database.prepare(
      `INSERT INTO manifests (digest, media_type) VALUES (?, ?)
       ON CONFLICT DO UPDATE SET media_type = excluded.media_type`,
    );
    this.#clearReferences = database.prepare("DELETE FROM manifest_references WHERE manifest = ?");
    this.#addReference = database.prepare(
      "INSERT INTO manifest_references (manifest, referenced) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#putGrant = database.prepare(
      `INSERT INTO grants (repository_id, digest, granted_at_ms)
       SELECT id, ?, ? FROM repositories WHERE upstream = ? AND name = ?
       ON CONFLICT DO UPDATE SET granted_at_ms = excluded.granted_at_ms`,
    );
    this.#putTag = database.prepare(
      `INSERT INTO tags (repository_id, tag, digest, checked_at_ms)
       SELECT id, ?, ?, ? FROM repositories WHERE upstream = ? AND name = ?
       ON CONFLICT DO UPDATE SET digest = excluded.digest, checked_at_ms = excluded.checked_at_ms`,
    );
    this.#setIdentity = database.prepare("UPDATE blobs SET identity = ? WHERE digest = ?");
    this.#dropTag = database.prepare(`DELETE FROM tags WHERE tag = ? AND ${inRepository}`);
    this.#dropGrant = database.prepare(`DELETE FROM grants WHERE digest = ? AND ${inRepository}`);
    // The manifest and its references go with it, by their foreign keys.
    this.#dropBlob = database.prepare("DELETE FROM blobs WHERE digest = ?");
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
        this.#recordTag(write.location, write.tag, write.record);
        break;
      case "record-grant":
        this.#recordGrant(write.location, write.digest, write.nowMs);
        break;
      case "record-identity":
        this.#setIdentity.run(write.identity, write.digest);
        break;
      case "forget-tag":
        this.#dropTag.run(write.tag, ...namesOf(write.location));
        break;
      case "forget-grant":
        this.#dropGrant.run(write.digest, ...namesOf(write.location));
        break;
      case "forget-blob":
        this.#dropBlob.run(write.digest);
        break;
    }
  }

  #recordBlob(location: Location, blob: BlobRecord, nowMs: number): void {
    this.#putBlob.run(blob.digest, blob.sizeBytes, blob.identity);
    this.#recordGrant(location, blob.digest, nowMs);
  }

  #recordManifest(location: Location, manifest: ManifestRecord, nowMs: number): void {
    const { blob, mediaType, references } = manifest;
    this.#recordBlob(location, blob, nowMs);
    this.#putManifest.run(blob.digest, mediaType);
    this.#clearReferences.run(blob.digest);
    for (const reference of references) this.#addReference.run(blob.digest, reference);
  }

  #recordTag(location: Location, tag: string, record: TagRecord): void {
    this.#addRepository.run(...namesOf(location));
    this.#putTag.run(tag, record.digest, record.checkedAtMs, ...namesOf(location));
  }

  #recordGrant(location: Location, digest: string, nowMs: number): void {
    this.#addRepository.run(...namesOf(location));
    this.#putGrant.run(digest, nowMs, ...namesOf(location));
  }
}

const inRepository =
  "repository_id = (SELECT id FROM repositories WHERE upstream = ? AND name = ?)";

function namesOf(location: Location): [upstream: string, name: string] {
  return [location.upstream, location.repository];
}
