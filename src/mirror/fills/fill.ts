import { createHash, type Hash } from "node:crypto";
import { algorithmOf, type Digest } from "../../oci/digest.ts";
import type { Repository } from "../../oci/repository.ts";
import { DigestMismatch } from "../../storage/blob-store.ts";
import type { FillResult } from "../../telemetry/metrics.ts";
import type { UpstreamBlob } from "../../upstream/answers.ts";
import type { Place } from "../../upstream/exchange/place.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Rooms } from "../eviction/rooms.ts";
import { recordOrRemove, type StorageTools } from "../storage-tools.ts";
import type { Ruling } from "../tags/rules.ts";
import { chooseIncoming } from "./choose-incoming.ts";
import type { FillState } from "./fill-state.ts";
import type { IncomingBlob } from "./incoming-blob.ts";
import { Intake, type NoIntake } from "./intake.ts";
import type { LentMemory } from "./lent-memory.ts";
import { Progress } from "./progress.ts";
import { Sources } from "./sources.ts";

export interface FillTools extends StorageTools {
  readonly segmentMemory: LentMemory;
  readonly readerMemory: LentMemory;
}

/**
 * One download of one blob from an upstream into the store. It runs by itself: readers follow the growing
 * content at their own pace and from any offset, and none of them can slow or end it.
 */
export class Fill {
  readonly upstream: Upstream;
  readonly digest: Digest;
  readonly #tools: FillTools;
  readonly #sources: Sources;
  readonly #aborted = new AbortController();
  readonly #progress = new Progress();
  #state: FillState = { kind: "connecting" };
  #intake: Intake | null = null;
  // The answer that was begun and found no room: the first reader to pass through goes on with it.
  #spare: UpstreamBlob | null = null;
  #cacheStatus: string | null = null;
  #readers = 0;
  #ended = false;
  #isKept = false;
  #result: FillResult = "failed";

  constructor(upstream: Upstream, digest: Digest, tools: FillTools) {
    this.upstream = upstream;
    this.digest = digest;
    this.#tools = tools;
    this.#sources = new Sources(upstream, digest);
  }

  get state(): FillState {
    return this.#state;
  }

  /** What the caches before us said of the answer that it began with: `ToldCacheStatus.text`. */
  get cacheStatus(): string | null {
    return this.#cacheStatus;
  }

  get readers(): number {
    return this.#readers;
  }

  /** Whether it goes on when nobody reads it. */
  get isKept(): boolean {
    return this.#isKept;
  }

  get repository(): Repository | null {
    return this.#sources.first;
  }

  /** Resolves when there is more to read or the state has changed. Rejects as `gone` is aborted. */
  progress(gone: AbortSignal): Promise<void> {
    return this.#progress.next(gone);
  }

  hasSource(place: Place): boolean {
    return this.#sources.has(place);
  }

  /**
   * Adds a reader, and the repository that the blob may come through for it, should those before refuse. Unless one of them
   * keeps it, the blob is stored for as long as it is read and not any longer. Each call is ended by `leave`.
   */
  join(place: Place, { keeps }: Pick<Ruling, "keeps">): void {
    this.#readers++;
    this.#sources.add(place);
    this.#isKept ||= keeps;
  }

  /**
   * Waits until upstream sends; resolves to "unknown" if it has no such blob in that repository. Rejects with
   * UpstreamError when it refuses that repository or cannot be asked, and as `gone` is aborted if the reader goes
   * away meanwhile.
   */
  async answer(place: Place, gone: AbortSignal): Promise<"readable" | "unknown"> {
    while (this.#state.kind === "connecting" && !this.#sources.refusalOf(place)) {
      await this.progress(gone);
    }
    const refusal = this.#sources.refusalOf(place);
    if (refusal === "unknown") return "unknown";
    if (refusal) throw refusal;
    this.#throwIfFailed();
    return "readable";
  }

  /** The answer that was begun, if the fill ended "unstored" before its first byte: for one reader only. */
  takeSpare(): UpstreamBlob | null {
    const spare = this.#spare;
    this.#spare = null;
    return spare;
  }

  async leave(): Promise<void> {
    this.#readers--;
    await this.#releaseIntake();
  }

  /**
   * Downloads, verifies and stores. Resolves when that is over, however it ended; never rejects. `end` must
   * follow, once nobody can join any more.
   */
  async run(): Promise<void> {
    const { metrics, log } = this.#tools;
    metrics.fillsInFlight.inc({ upstream: this.upstream.name });
    try {
      await this.#fill();
    } catch (error) {
      // Whoever aborted it did not want it any more.
      if (this.#state.kind === "failed") this.#result = "abandoned";
      this.abort(error instanceof Error ? error : new Error(String(error)));
      // Readers carry the reason to their clients and log lines; what nobody keeps ends with them.
      if (this.#readers === 0 && this.#isKept) {
        log.warn({ err: error, upstream: this.upstream.name, digest: this.digest }, "fill failed");
      }
    } finally {
      metrics.fillsInFlight.dec({ upstream: this.upstream.name });
      metrics.fills.inc({ upstream: this.upstream.name, result: this.#result });
    }
  }

  /** Lets go of the content as soon as the last reader has left. */
  async end(): Promise<void> {
    this.#ended = true;
    this.#intake?.end();
    await this.#releaseIntake();
  }

  /** Ends the download; readers are cut. Content that is verified already is stored all the same. */
  abort(error: Error): void {
    // The other states are ends already.
    if (this.#state.kind !== "connecting" && this.#state.kind !== "streaming") return;
    this.#enter({ kind: "failed", error });
    this.#aborted.abort(error);
  }

  async #fill(): Promise<void> {
    const connecting = this.#sources.connect(() => this.#progress.wake(), this.#aborted.signal);
    this.#rooms.prepare();
    const found = await connecting;
    if (!found) {
      this.#result = "refused";
      throw new Error("no repository has the blob");
    }
    const { blob, place } = found;
    this.#cacheStatus = blob.cacheStatus;
    const intake = await this.#open(blob.sizeBytes);
    this.#throwIfFailed();
    if (typeof intake === "string") {
      this.#spare = blob;
      return await this.#passOn(blob.sizeBytes, intake);
    }
    this.#enter({ kind: "streaming", sizeBytes: blob.sizeBytes, intake });
    using incoming = this.#incoming(blob, place, intake);
    if (!(await this.#stream(incoming, intake))) {
      this.#aborted.abort();
      return await this.#passOn(blob.sizeBytes, "the store took no more");
    }
    await this.#verify(blob, incoming, intake);
    this.#result = "passed";
    if (this.#isKept) await this.#store(intake, place.repository);
  }

  async #open(sizeBytes: number | null): Promise<Intake | NoIntake> {
    const { store, log, readerMemory } = this.#tools;
    const tools = { store, log, readerMemory, rooms: () => this.#rooms };
    const intake = await Intake.open(tools, this.digest, sizeBytes);
    if (typeof intake !== "string") this.#intake = intake;
    return intake;
  }

  /** Nothing is evicted for what is not kept. */
  get #rooms(): Rooms {
    const { rooms } = this.#tools;
    return this.#isKept ? rooms : rooms.free;
  }

  #incoming(begun: UpstreamBlob, place: Place, intake: Intake): IncomingBlob {
    const { upstream, digest } = this;
    const { segmentMemory: memory, log } = this.#tools;
    const { signal } = this.#aborted;
    const hashCopy = (): Promise<Hash> => intake.hashCopy();
    return chooseIncoming({ upstream, place, digest, begun, signal, hashCopy, memory, log });
  }

  /** Stores what comes until the end; resolves to false when the store takes no more. */
  async #stream(incoming: IncomingBlob, intake: Intake): Promise<boolean> {
    for (let batch = await incoming.next(); batch; batch = await incoming.next()) {
      const isStored = await intake.take(batch);
      this.#throwIfFailed();
      if (!isStored) return false;
      this.#progress.wake();
    }
    return true;
  }

  /** What is stored stays readable to those who follow; they go on from upstream by themselves. */
  async #passOn(sizeBytes: number | null, why: string): Promise<void> {
    const { upstream, digest } = this;
    this.#tools.log.warn(
      { upstream: upstream.name, digest, sizeBytes, why },
      "pulls pass through unstored",
    );
    const intake = this.#intake;
    const storedBytes = intake?.writtenBytes ?? 0;
    const hash = (await intake?.hashCopy()) ?? createHash(algorithmOf(this.digest));
    this.#throwIfFailed();
    this.#tools.metrics.unstoredFills.inc({ upstream: this.upstream.name });
    this.#result = "unstored";
    this.#enter({ kind: "unstored", sizeBytes, storedBytes, intake, hash });
  }

  async #verify(blob: UpstreamBlob, incoming: IncomingBlob, intake: Intake): Promise<void> {
    const { writtenBytes } = intake;
    if (blob.sizeBytes !== null && writtenBytes !== blob.sizeBytes) {
      throw this.#nonsense(
        `${writtenBytes} bytes came of the ${blob.sizeBytes} that were declared`,
      );
    }
    try {
      await intake.verify();
    } catch (error) {
      if (!(error instanceof DigestMismatch)) throw error;
      for (const answerer of incoming.answerers) answerer.noteWrongBytes();
      this.#tools.metrics.digestMismatches.inc({ upstream: this.upstream.name });
      throw this.#nonsense(`asked for ${error.expected} it sent ${error.actual}`);
    }
    this.#throwIfFailed();
    this.#enter({ kind: "verified", sizeBytes: writtenBytes, intake });
  }

  /** A disk that fails now fails no reader: they read the open file. */
  async #store(intake: Intake, repository: Repository): Promise<void> {
    const { catalog, locks, metrics, log, now } = this.#tools;
    const { digest, upstream } = this;
    try {
      using _lock = await locks.hold(digest);
      const identity = await intake.commit();
      const record = { digest, sizeBytes: intake.writtenBytes, identity };
      await recordOrRemove(this.#tools, digest, () =>
        catalog.recordBlob({ upstream: upstream.name, repository }, record, now()),
      );
      intake.giveRoomBack();
      this.#result = "stored";
    } catch (err) {
      this.#result = "unstored";
      metrics.unstoredFills.inc({ upstream: this.upstream.name });
      log.error(
        { err, upstream: this.upstream.name, digest: this.digest },
        "blob could not be stored",
      );
    }
  }

  #throwIfFailed(): void {
    if (this.#state.kind === "failed") throw this.#state.error;
  }

  #nonsense(reason: string): UpstreamError {
    return new UpstreamError(this.upstream.name, { kind: "nonsense", reason });
  }

  #enter(state: FillState): void {
    this.#state = state;
    this.#progress.wake();
  }

  async #releaseIntake(): Promise<void> {
    if (!this.#ended || this.#readers > 0) return;
    this.takeSpare()?.drop();
    const intake = this.#intake;
    this.#intake = null;
    await intake?.[Symbol.asyncDispose]();
  }
}
