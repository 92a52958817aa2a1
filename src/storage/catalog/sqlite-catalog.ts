import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import type { Tag } from "../../oci/reference.ts";
import type {
  AccessRecord,
  BlobRecord,
  Catalog,
  EvictionRecord,
  Location,
  ManifestRecord,
  ScrubRound,
  TagRecord,
  Variant,
} from "../catalog.ts";
import type { PinRecord } from "../eviction/pins.ts";
import type { PullBatch, PullLogBounds } from "../images/logged-pulls.ts";
import type { Layout } from "../layout.ts";
import type { TrafficRecord } from "../statistics/traffic-statements.ts";
import { StorageError } from "../storage-error.ts";
import { backUpCatalog, newestBackupAtMs } from "./file/catalog-backup.ts";
import { CatalogDamage } from "./file/catalog-damage.ts";
import { type CatalogOrigin, prepareCatalogFile } from "./file/catalog-file.ts";
import type { CatalogAnswers, CatalogQuestion } from "./reading/catalog-question.ts";
import { CatalogReads } from "./reading/catalog-reads.ts";
import { CatalogThreads } from "./reading/catalog-threads.ts";
import type { CatalogWrite } from "./writing/catalog-write.ts";
import { KeptWriter } from "./writing/kept-writer.ts";

export interface SqliteCatalogOptions {
  /** With a prepared catalog file. */
  readonly layout: Layout;
  readonly writer: KeptWriter;
  readonly origin: CatalogOrigin;
}

/** The catalog in `catalog.db`: read here by a connection of its own, written in another thread. */
export class SqliteCatalog extends CatalogReads implements Catalog {
  readonly origin: CatalogOrigin;
  readonly #layout: Layout;
  readonly #database: Database.Database;
  readonly #writer: KeptWriter;
  readonly #damage: CatalogDamage;
  readonly #threads: CatalogThreads;
  #backup: Promise<void> | null = null;

  constructor({ layout, writer, origin }: SqliteCatalogOptions) {
    const database = new Database(layout.catalogFile, { readonly: true, timeout: readTimeoutMs });
    const damage = new CatalogDamage(layout);
    super(database, damage);
    this.origin = origin;
    this.#layout = layout;
    this.#database = database;
    this.#writer = writer;
    this.#damage = damage;
    this.#threads = new CatalogThreads(layout.catalogFile);
  }

  /**
   * Opens the catalog of a prepared layout, or begins it; hold its DirectoryLock. Throws StorageError if
   * it cannot be opened or a newer sluice has written it. `origin` tells what became of one that was corrupt or lost.
   */
  static async open(layout: Layout, now: () => number = Date.now): Promise<SqliteCatalog> {
    const origin = prepareCatalogFile(layout, now());
    await using stack = new AsyncDisposableStack();
    const workerData = layout.catalogFile;
    const writer = stack.use(
      await KeptWriter.start(
        () => new Worker(new URL("./writing/catalog-writer.ts", import.meta.url), { workerData }),
      ),
    );
    const catalog = new SqliteCatalog({ layout, writer, origin });
    stack.move();
    return catalog;
  }

  /** Rejects with StorageError while it is damaged, or takes no writes. */
  async check(): Promise<void> {
    await this.usage();
    const failure = this.#damage.found ?? this.#writer.stopped;
    if (failure) throw failure;
  }

  get isLogLong(): boolean {
    return this.#writer.isLogLong;
  }

  get isLogFull(): boolean {
    return this.#writer.isLogFull;
  }

  /** When the newest backup was made, in ms since the epoch; null if there is none. */
  backedUpAtMs(): Promise<number | null> {
    return newestBackupAtMs(this.#layout);
  }

  /**
   * Replaces the newest backup by a copy of the catalog as it is now; pulls and writes go on. Rejects with StorageError
   * if it cannot, finds the catalog damaged, or is making one already, and when `signal` is aborted; at once if it is
   * known to be damaged, for then its copy is too.
   */
  backUp(signal: AbortSignal): Promise<void> {
    if (this.#damage.found) return Promise.reject(this.#damage.found);
    // A second one would begin with the file that the first one is writing.
    if (this.#backup !== null)
      return Promise.reject(new StorageError("a backup is being made already"));
    this.#backup = this.#backUpNow(signal).finally(() => {
      this.#backup = null;
    });
    return this.#backup;
  }

  ask<Kind extends CatalogQuestion["kind"]>(
    question: CatalogQuestion & { readonly kind: Kind },
  ): Promise<CatalogAnswers[Kind]> {
    return this.#threads.ask<Kind>(question).catch((error: unknown) => {
      throw this.#damage.note(error);
    });
  }

  recordPins(pins: readonly PinRecord[]): Promise<void> {
    return this.#write({ kind: "record-pins", pins });
  }

  forgetPins(patterns: readonly string[]): Promise<void> {
    return this.#write({ kind: "forget-pins", patterns });
  }

  recordScrubRound(round: ScrubRound): Promise<void> {
    return this.#write({ kind: "record-scrub-round", round });
  }

  recordTraffic(record: TrafficRecord): Promise<void> {
    return this.#write({ kind: "record-traffic", record });
  }

  recordAccesses(accesses: readonly AccessRecord[]): Promise<void> {
    return this.#write({ kind: "record-accesses", accesses });
  }

  recordPulls(pulls: PullBatch, bounds: PullLogBounds): Promise<void> {
    return this.#write({ kind: "record-pulls", pulls, bounds });
  }

  evict(eviction: EvictionRecord): Promise<void> {
    return this.#write({ kind: "evict", eviction });
  }

  recordBlob(location: Location, blob: BlobRecord, nowMs: number): Promise<void> {
    return this.#write({ kind: "record-blob", location, blob, nowMs });
  }

  recordManifest(location: Location, manifest: ManifestRecord, nowMs: number): Promise<void> {
    return this.#write({ kind: "record-manifest", location, manifest, nowMs });
  }

  recordTag(location: Location, tag: Tag, variant: Variant, record: TagRecord): Promise<void> {
    return this.#write({ kind: "record-tag", location, tag, variant, record });
  }

  recordGrant(location: Location, digest: Digest, nowMs: number): Promise<void> {
    return this.#write({ kind: "record-grant", location, digest, nowMs });
  }

  recordIdentity(digest: Digest, identity: string): Promise<void> {
    return this.#write({ kind: "record-identity", digest, identity });
  }

  recordPublic(location: Location, nowMs: number): Promise<void> {
    return this.#write({ kind: "record-public", location, nowMs });
  }

  forgetTag(location: Location, tag: Tag, variant: Variant | null): Promise<void> {
    return this.#write({ kind: "forget-tag", location, tag, variant });
  }

  forgetGrant(location: Location, digest: Digest): Promise<void> {
    return this.#write({ kind: "forget-grant", location, digest });
  }

  forgetPublic(location: Location): Promise<void> {
    return this.#write({ kind: "forget-public", location });
  }

  adoptBlob(blob: BlobRecord): Promise<void> {
    return this.#write({ kind: "adopt-blob", blob });
  }

  forgetLost(blob: BlobRecord): Promise<void> {
    return this.#write({ kind: "forget-lost", blob });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Before the writer: the last connection to close is the one that removes the log.
    await this.#threads[Symbol.asyncDispose]();
    this.#database.close();
    await this.#writer[Symbol.asyncDispose]();
  }

  async #backUpNow(signal: AbortSignal): Promise<void> {
    const copyTo = (path: string): Promise<void> => this.#writer.backUp(path);
    if (await backUpCatalog({ layout: this.#layout, copyTo, signal })) return;
    throw this.#damage.note(
      new Database.SqliteError("a copy of it is malformed", "SQLITE_CORRUPT"),
    );
  }

  async #write(write: CatalogWrite): Promise<void> {
    try {
      await this.#writer.submit(write);
    } catch (error) {
      throw this.#damage.note(error);
    }
  }
}

// A reader waits only while a foreign process locks the whole file. The event loop waits with it.
const readTimeoutMs = 50;
