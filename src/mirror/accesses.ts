import { JoinedRuns } from "../config/joined-runs.ts";
import type { Digest } from "../oci/digest.ts";
import { isImageManifest, type Manifest } from "../oci/manifest.ts";
import type { AccessRecord, Catalog } from "../storage/catalog.ts";
import type { DiskBudget } from "../storage/disk-budget.ts";
import { codeOf, StorageError } from "../storage/storage-error.ts";
import type { Log } from "../telemetry/log.ts";
import type { EvictionPolicy } from "./eviction/eviction-policy.ts";
import { PullRecorder } from "./pull-recorder.ts";

export interface AccessTools {
  readonly catalog: Catalog;
  readonly budget: DiskBudget;
  readonly log: Log;
  readonly now: () => number;
  /** What orders what goes. */
  readonly policy: EvictionPolicy;
}

interface Noted {
  lastAtMs: number;
  pulls: number;
}

// Rows are written together: a hit must not cost a transaction. What a crash loses is when something was pulled last.
const flushMs = 5_000;
const notedLimit = 10_000;

// While the catalog's log is long, or a write hangs: 200 bytes each, and more than most mirrors hold.
const heldLimit = 100_000;
const batchRows = 200;

// A manifest is pulled before what it names. Ranked by what is stored at that time an image would count as tiny, so it is
// ranked again when its layers should be here.
const rankedAgainMs = 60_000;

const heldText =
  "the catalog's log (catalog.db-wal) grows, for a process has been reading an old state of catalog.db. " +
  "Look for an open sqlite3 or a backup of the storage directory (fuser catalog.db), and end it. " +
  "Times of pulls wait in memory until then, and if it grows on nothing new is stored";

const forgottenText =
  "pulls are forgotten, for memory is full of those that wait to be written to the catalog. " +
  "Look at the disk of the storage directory: it is too slow or hangs";

/** When content was pulled, and the log of pulls of images: gathered here, written to the catalog every few seconds. */
export class Accesses implements AsyncDisposable {
  readonly #tools: AccessTools;
  readonly #timer: NodeJS.Timeout;
  readonly #pulls: PullRecorder;
  #noted = new Map<Digest, Noted>();
  /** On their way to the catalog. */
  #writing: ReadonlyMap<Digest, Noted> = new Map();
  readonly #flushes = new JoinedRuns(() => this.#writeNoted());
  /** Whether something was forgotten since the last flush began. */
  #forgets = false;
  /** What was pulled for the first time, and when it is ranked again, in ms since the epoch. */
  readonly #young = new Map<Digest, number>();
  /** The priority of what was evicted last; null if that is not known. */
  #floor: number | null = null;
  /** Whether the catalog's log was long at the last look. */
  #holds = false;

  constructor(tools: AccessTools) {
    this.#tools = tools;
    this.#pulls = new PullRecorder(tools);
    this.#timer = setInterval(() => this.#flushUnlessHeld(), flushMs).unref();
  }

  /** The content is being pulled now. */
  note(digest: Digest): void {
    this.#note(digest, 1);
  }

  /** Somebody looks whether it is still the same: it is in use, but that is no pull. */
  noteLook(digest: Digest): void {
    this.#note(digest, 0);
  }

  /** A client takes the manifest now: if it is an image's, that is a pull of the image, which is logged. */
  notePull(manifest: Manifest): void {
    this.note(manifest.digest);
    if (!isImageManifest(manifest.mediaType)) return;
    if (this.#pulls.isOverfull) this.#tellOfForgotten();
    else this.#pulls.note(manifest);
    if (this.#holds ? this.#pulls.isOverfull : this.#pulls.isFull) this.#flushSoon();
  }

  /** Something of this priority was evicted: what is pulled from now on stands above it. */
  raiseFloor(priority: number): void {
    this.#floor = Math.max(this.#floor ?? 0, priority);
  }

  /** Whether it was pulled, and the catalog does not know yet. */
  isFresh(digest: Digest): boolean {
    return this.#noted.has(digest) || this.#writing.has(digest);
  }

  /** Resolves when all that was noted is written, or could not be. */
  flush(): Promise<void> {
    return this.#flushes.run();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  #note(digest: Digest, pulls: number): void {
    if (!this.#noted.has(digest) && this.#noted.size >= heldLimit) {
      this.#tellOfForgotten();
      return;
    }
    const noted = this.#noted.get(digest) ?? { lastAtMs: 0, pulls: 0 };
    noted.lastAtMs = this.#tools.now();
    noted.pulls += pulls;
    this.#noted.set(digest, noted);
    if (this.#noted.size >= (this.#holds ? heldLimit : notedLimit)) this.#flushSoon();
  }

  /** Each hit of another image would make a long log longer by some pages; whoever must know asks for a flush. */
  #flushUnlessHeld(): void {
    const { catalog, log } = this.#tools;
    const wasHolding = this.#holds;
    this.#holds = catalog.isLogLong;
    if (this.#holds && !wasHolding) log.warn(heldText);
    if (!this.#holds && wasHolding) log.info("the catalog's log is short again");
    if (!this.#holds) this.#flushSoon();
  }

  #flushSoon(): void {
    if (this.#flushes.isAwaited || this.#noted.size + this.#young.size === 0) return;
    // It never rejects, and nobody needs to know when it has ended.
    this.flush().catch(() => {});
  }

  /** Once, not for each pull. */
  #tellOfForgotten(): void {
    if (!this.#forgets) this.#tools.log.error(forgottenText);
    this.#forgets = true;
  }

  /** Takes what is noted when it begins: before that it may wait for as long as a disk hangs. */
  async #writeNoted(): Promise<void> {
    this.#forgets = false;
    const noted = this.#noted;
    this.#noted = new Map();
    this.#writing = noted;
    await this.#write([...noted, ...this.#dueAgain(noted)]);
    this.#writing = new Map();
    await this.#pulls.write(this.#pulls.take());
  }

  async #write(noted: readonly (readonly [Digest, Noted])[]): Promise<void> {
    const { catalog, log } = this.#tools;
    for (let at = 0; at < noted.length; at += batchRows) {
      const batch = noted.slice(at, at + batchRows);
      try {
        const records = await Promise.all(
          batch.map(([digest, noted]) => this.#record(digest, noted)),
        );
        await catalog.recordAccesses(records);
      } catch (err) {
        log.error({ err }, "times of pulls could not be written");
        if (isBusy(err)) this.#noteAgain(batch);
      }
    }
  }

  /** So that they are written the next time, unless there are too many by then. */
  #noteAgain(batch: readonly (readonly [Digest, Noted])[]): void {
    for (const [digest, { lastAtMs, pulls }] of batch) {
      if (!this.#noted.has(digest) && this.#noted.size >= notedLimit) return;
      const since = this.#noted.get(digest) ?? { lastAtMs: 0, pulls: 0 };
      const together = { lastAtMs: Math.max(lastAtMs, since.lastAtMs), pulls: pulls + since.pulls };
      this.#noted.set(digest, together);
    }
  }

  /** As if they had been pulled no further time; those that were are ranked by that. */
  #dueAgain(noted: ReadonlyMap<Digest, Noted>): [Digest, Noted][] {
    const due = [...this.#young].filter(([, dueAtMs]) => dueAtMs <= this.#tools.now());
    for (const [digest] of due) this.#young.delete(digest);
    return due.flatMap(([digest]) =>
      noted.has(digest) ? [] : [[digest, { lastAtMs: 0, pulls: 0 }]],
    );
  }

  async #record(digest: Digest, noted: Noted): Promise<AccessRecord> {
    const { catalog, policy } = this.#tools;
    const before = await catalog.access(digest);
    const sizeBytes = await catalog.imageBytes(digest);
    this.#floor ??= await catalog.lowestPriority();
    const lastAtMs = noted.lastAtMs || (before?.lastAtMs ?? 0);
    const pulls = (before?.pulls ?? 0) + noted.pulls;
    const isFirst = noted.pulls > 0 && pulls === noted.pulls;
    if (isFirst && this.#young.size < notedLimit) {
      this.#young.set(digest, this.#tools.now() + rankedAgainMs);
    }
    const priority = policy.priority({ atMs: lastAtMs, pulls, sizeBytes, floor: this.#floor });
    return { digest, lastAtMs, pulls, priority };
  }
}

/** Whether another process wrote to the catalog for longer than its writer waits. */
function isBusy(error: unknown): boolean {
  return error instanceof StorageError && codeOf(error.cause) === "SQLITE_BUSY";
}
