import type { ByteRange } from "../../oci/byte-range.ts";
import type { Answerer, UpstreamBlob } from "../../upstream/answers.ts";
import type { Whence } from "../../upstream/part-of-blob.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { LentMemory } from "./lent-memory.ts";
import { Segment } from "./segment.ts";
import type { SegmentPlan } from "./segment-plan.ts";

export interface SegmentsAheadOptions {
  readonly plan: SegmentPlan;
  /** Where the answer came from that the blob began with. */
  readonly whence: Whence;
  readonly memory: LentMemory;
  /** Whether one more may be asked for now, beside those that are. */
  readonly mayAsk: () => boolean;
  /** Asks for a part; null if upstream sends no such part. */
  readonly ask: (range: ByteRange, whence: Whence) => Promise<UpstreamBlob | null>;
  /** The first part has been answered. */
  readonly onBegin: () => void;
  /** No more parts are asked for, because of this. */
  readonly onStop: (why: string) => void;
}

/** Where a reader is in the blob, and whether it has an answer of its own to read from. */
export interface Reading {
  readonly positionBytes: number;
  readonly hasOwn: boolean;
}

/**
 * The segments of a blob that are asked for before its reader comes to them. The first is asked for alone: only an
 * upstream that answers it as it should is asked for more at once. One that does not is asked for no more, and what
 * breaks off is the reader's to ask for; until it has that, nothing more is asked for either.
 */
export class SegmentsAhead implements Disposable {
  readonly answerers: Set<Answerer> = new Set();
  readonly #options: SegmentsAheadOptions;
  /** In the order of the blob; a reader takes from the first. */
  readonly #segments: Segment[] = [];
  #whence: Whence;
  #hopLasts = false;
  #lease: Disposable | null = null;
  #nextIndex = 1;
  #arriving = 0;
  #isTried = false;
  #isStopped = false;
  // What broke off before it is the reader's to ask for.
  #mendedAtBytes = 0;
  #failure: UpstreamError | null = null;
  #reading: Reading = { positionBytes: 0, hasOwn: true };

  constructor(options: SegmentsAheadOptions) {
    this.#options = options;
    this.#whence = options.whence;
  }

  /** What upstream has failed with last; null: it did not. */
  get failure(): UpstreamError | null {
    return this.#failure;
  }

  /** To be called whenever the reader has got on. */
  follow(reading: Reading): void {
    this.#reading = reading;
    const { positionBytes, hasOwn } = reading;
    const passedIndex = Math.floor(positionBytes / this.#options.plan.segmentBytes);
    if (hasOwn) this.#nextIndex = Math.max(this.#nextIndex, passedIndex + 1);
    for (const segment of [...this.#segments]) {
      if (isPassed(segment, reading)) this.#leave(segment);
    }
    this.#begin();
    this.#giveBackIfIdle();
  }

  /** The segment that the reader may go on with where it is; null: none. */
  at({ positionBytes, hasOwn }: Reading): Segment | null {
    const [first] = this.#segments;
    if (first?.nextBytes !== positionBytes) return null;
    // An answer that flows is not given up for one that may not come.
    return hasOwn && !first.hasBegun ? null : first;
  }

  /** Where the next segment begins that goes on behind `positionBytes`; null: none, or upstream is not to be asked for parts. */
  startBehind(positionBytes: number): number | null {
    if (this.#isStopped) return null;
    return this.#segments.find(({ range }) => range.first > positionBytes)?.range.first ?? null;
  }

  /** Where one begins, at `positionBytes` or behind it, whose answer has begun; null: none. */
  arrivingFrom(positionBytes: number): number | null {
    const arriving = this.#segments.find(
      ({ range, hasBegun }) => hasBegun && range.first >= positionBytes,
    );
    return arriving?.range.first ?? null;
  }

  /** Asks for no more parts. */
  stop(why: string): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#options.onStop(why);
  }

  [Symbol.dispose](): void {
    this.#isStopped = true;
    for (const segment of [...this.#segments]) this.#leave(segment);
    this.#giveBackIfIdle();
  }

  #begin(): void {
    while (this.#mayBegin()) void this.#bring(this.#next());
  }

  #mayBegin(): boolean {
    const { plan } = this.#options;
    if (this.#isStopped || this.#nextIndex >= plan.count) return false;
    if (this.#reading.positionBytes < this.#mendedAtBytes) return false;
    const connections = this.#isTried ? plan.connections - Number(this.#reading.hasOwn) : 1;
    if (this.#arriving >= connections || this.#segments.length >= plan.heldLimit) return false;
    if (!this.#options.mayAsk()) return false;
    this.#lease ??= this.#borrow();
    return this.#lease !== null;
  }

  /** All that will be needed: with less the fill would go on by fits and starts. */
  #borrow(): Disposable | null {
    const { plan, memory } = this.#options;
    const left = plan.count - this.#nextIndex;
    return memory.lend(Math.min(left, plan.heldLimit) * plan.segmentBytes);
  }

  #next(): Segment {
    const { segmentBytes, sizeBytes } = this.#options.plan;
    const first = this.#nextIndex++ * segmentBytes;
    const segment = new Segment({ first, last: Math.min(first + segmentBytes, sizeBytes) - 1 });
    this.#segments.push(segment);
    return segment;
  }

  /** Never rejects. */
  async #bring(segment: Segment): Promise<void> {
    this.#arriving++;
    try {
      await segment.receive(await this.#answer(segment));
    } catch (error) {
      if (error instanceof UpstreamError) this.#failure = error;
      if (!segment.hasBegun) this.stop(error instanceof Error ? error.message : String(error));
    }
    segment.end();
    if (!segment.isWhole) this.#noteBroken(segment);
    this.#arriving--;
    this.#begin();
  }

  #noteBroken(segment: Segment): void {
    if (!this.#segments.includes(segment)) return;
    this.#mendedAtBytes = Math.max(this.#mendedAtBytes, segment.endBytes);
    if (segment.isOver) this.#leave(segment);
  }

  async #answer(segment: Segment): Promise<UpstreamBlob> {
    const { ask } = this.#options;
    const asked = this.#whence;
    const blob = await ask(segment.range, asked);
    if (!blob) throw new NoPart();
    this.answerers.add(blob.answerer);
    if (blob.whence) this.#learn(asked, blob.whence);
    this.#noteTried();
    return blob;
  }

  #noteTried(): void {
    if (this.#isTried || this.#isStopped) return;
    this.#isTried = true;
    this.#options.onBegin();
    this.#begin();
  }

  /** Where the next ones are asked: the newest signed URL, unless it turns out that each is good for one use. */
  #learn(asked: Whence, answered: Whence): void {
    this.#hopLasts ||= asked.hop?.href === answered.hop?.href;
    const hop = this.#hopLasts ? answered.hop : null;
    this.#whence = { ...asked, hop, etag: asked.etag ?? answered.etag };
  }

  #leave(segment: Segment): void {
    segment.leave();
    this.#segments.splice(this.#segments.indexOf(segment), 1);
  }

  #giveBackIfIdle(): void {
    const isOver = this.#isStopped || this.#nextIndex >= this.#options.plan.count;
    if (!isOver || this.#segments.length > 0) return;
    this.#lease?.[Symbol.dispose]();
    this.#lease = null;
  }
}

/** What was asked for as a part has another answer. */
class NoPart extends Error {
  constructor() {
    super("it does not send parts of this blob");
    this.name = "NoPart";
  }
}

/** Whether the reader has all of it, or has gone past its beginning by an answer of its own, or gets no more of it. */
function isPassed(segment: Segment, { positionBytes, hasOwn }: Reading): boolean {
  if (positionBytes >= segment.endBytes) return true;
  if (segment.isOver && segment.nextBytes <= positionBytes) return true;
  return hasOwn && segment.nextBytes < positionBytes;
}
