import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import type { Digest } from "../oci/digest.ts";
import type { Tag } from "../oci/reference.ts";
import type { Repository } from "../oci/repository.ts";
import type {
  BlobRecord,
  Catalog,
  Location,
  ManifestRecord,
  TagRecord,
  Usage,
  Variant,
} from "./catalog.ts";
import { prepareCatalogFile } from "./catalog-file.ts";
import { type DigestKey, digestOfKey, keyOf } from "./digest-key.ts";
import type { Layout } from "./layout.ts";
import { namesOf } from "./location-in-sql.ts";
import { type ReadStatements, readStatements } from "./read-statements.ts";
import { WriteQueue } from "./write-queue.ts";

export interface SqliteCatalogOptions {
  /** A prepared catalog file. */
  readonly path: string;
  readonly writes: WriteQueue;
  readonly setAside: string | null;
}

/** The catalog in `catalog.db`: read here by a connection of its own, written in another thread. */
export class SqliteCatalog implements Catalog {
  /** Where a corrupt catalog was moved when this one was opened, or null. */
  readonly setAside: string | null;
  readonly #database: Database.Database;
  readonly #reads: ReadStatements;
  readonly #writes: WriteQueue;

  constructor(options: SqliteCatalogOptions) {
    this.setAside = options.setAside;
    this.#database = new Database(options.path, { readonly: true, timeout: readTimeoutMs });
    this.#reads = readStatements(this.#database);
    this.#writes = options.writes;
  }

  /**
   * Opens the catalog of a prepared layout, or begins it; hold its DirectoryLock. Throws StorageError if
   * it cannot be opened or a newer sluice has written it. One that is corrupt is set aside.
   */
  static async open(layout: Layout, now: () => number = Date.now): Promise<SqliteCatalog> {
    const path = layout.catalogFile;
    const setAside = prepareCatalogFile(path, now());
    await using stack = new AsyncDisposableStack();
    const worker = new Worker(new URL("./catalog-writer.ts", import.meta.url), {
      workerData: path,
    });
    const writes = stack.use(await WriteQueue.start(worker));
    const catalog = new SqliteCatalog({ path, writes, setAside });
    stack.move();
    return catalog;
  }

  async blob(digest: Digest): Promise<BlobRecord | null> {
    const row = this.#reads.blob.get(keyOf(digest));
    return row ? { digest, ...row } : null;
  }

  async manifestMediaType(digest: Digest): Promise<string | null> {
    return this.#reads.manifestMediaType.get(keyOf(digest))?.mediaType ?? null;
  }

  async tag(location: Location, tag: Tag, variant: Variant): Promise<TagRecord | null> {
    const row = this.#reads.tag.get(...namesOf(location), tag, variant);
    return row ? { ...row, digest: digestOfKey(row.digest) } : null;
  }

  async tags(location: Location, after: string | null, limit: number): Promise<readonly Tag[]> {
    return this.#reads.tags.all(...namesOf(location), after ?? "", limit).map(({ tag }) => tag);
  }

  async repositories(
    upstream: string,
    after: string | null,
    limit: number,
  ): Promise<readonly Repository[]> {
    return this.#reads.repositories.all(upstream, after ?? "", limit).map(({ name }) => name);
  }

  async grantedAtMs(location: Location, digest: Digest): Promise<number | null> {
    const row = this.#reads.grant.get(...namesOf(location), keyOf(digest));
    return row?.grantedAtMs ?? null;
  }

  async isReferenced(location: Location, digest: Digest): Promise<boolean> {
    const key = keyOf(digest);
    if (!this.#reads.reference.get(key, ...namesOf(location))) return false;
    return this.#reads.grantOfUpstream.get(key, location.upstream) !== undefined;
  }

  async referrers(location: Location, subject: Digest, limit: number): Promise<readonly Digest[]> {
    return digestsOf(this.#reads.referrers.all(keyOf(subject), ...namesOf(location), limit));
  }

  async ungranted(location: Location, manifest: Digest): Promise<readonly Digest[]> {
    return digestsOf(this.#reads.ungranted.all(keyOf(manifest), ...namesOf(location)));
  }

  async publicAtMs(location: Location): Promise<number | null> {
    return this.#reads.publicAt.get(...namesOf(location))?.publicAtMs ?? null;
  }

  async usage(): Promise<Usage> {
    return this.#reads.usage.get() ?? { blobs: 0, bytes: 0 };
  }

  recordBlob(location: Location, blob: BlobRecord, nowMs: number): Promise<void> {
    return this.#writes.submit({ kind: "record-blob", location, blob, nowMs });
  }

  recordManifest(location: Location, manifest: ManifestRecord, nowMs: number): Promise<void> {
    return this.#writes.submit({ kind: "record-manifest", location, manifest, nowMs });
  }

  recordTag(location: Location, tag: Tag, variant: Variant, record: TagRecord): Promise<void> {
    return this.#writes.submit({ kind: "record-tag", location, tag, variant, record });
  }

  recordGrant(location: Location, digest: Digest, nowMs: number): Promise<void> {
    return this.#writes.submit({ kind: "record-grant", location, digest, nowMs });
  }

  recordIdentity(digest: Digest, identity: string): Promise<void> {
    return this.#writes.submit({ kind: "record-identity", digest, identity });
  }

  recordPublic(location: Location, nowMs: number): Promise<void> {
    return this.#writes.submit({ kind: "record-public", location, nowMs });
  }

  forgetTag(location: Location, tag: Tag): Promise<void> {
    return this.#writes.submit({ kind: "forget-tag", location, tag });
  }

  forgetGrant(location: Location, digest: Digest): Promise<void> {
    return this.#writes.submit({ kind: "forget-grant", location, digest });
  }

  forgetPublic(location: Location): Promise<void> {
    return this.#writes.submit({ kind: "forget-public", location });
  }

  forgetBlob(digest: Digest): Promise<void> {
    return this.#writes.submit({ kind: "forget-blob", digest });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Before the writer: the last connection to close is the one that removes the log.
    this.#database.close();
    await this.#writes[Symbol.asyncDispose]();
  }
}

function digestsOf(rows: readonly { readonly digest: DigestKey }[]): Digest[] {
  return rows.map(({ digest }) => digestOfKey(digest));
}

// A reader waits only while a foreign process locks the whole file. The event loop waits with it.
const readTimeoutMs = 50;
