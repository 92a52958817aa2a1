import type { Answerer } from "../../upstream/answers.ts";
import type { Batch } from "../../upstream/exchange/batch.ts";
import type { UpstreamError } from "../../upstream/upstream-error.ts";
import type { IncomingBlob } from "./incoming-blob.ts";
import { partOfBatch } from "./part-of-batch.ts";
import type { SegmentsAhead } from "./segments-ahead.ts";

export interface ParallelBlobOptions {
  readonly sizeBytes: number;
  readonly ahead: SegmentsAhead;
  /** What comes over one connection, from its start on. At 0 that is the answer that the blob began with. */
  readonly single: (from: SingleStart) => IncomingBlob;
}

export interface SingleStart {
  readonly startBytes: number;
  /** What is asked for ends where this says then; null: at the end of the blob. */
  readonly until: () => number | null;
  /** What a segment has failed with last; null: none did. */
  readonly met: UpstreamError | null;
}

/**
 * A blob that comes over several connections, read in its order. It begins as an answer of its own; where a segment that
 * was asked for ahead has come, reading goes on with that, and where there is none, with another answer of its own. So what
 * goes wrong with segments costs speed and nothing else.
 */
export class ParallelBlob implements IncomingBlob {
  readonly #options: ParallelBlobOptions;
  readonly #ownAnswerers = new Set<Answerer>();
  #own: IncomingBlob | null;
  // Where the answer of its own ends that was asked for last; null: at the end of the blob.
  #ownEndBytes: number | null = null;
  #positionBytes = 0;

  constructor(options: ParallelBlobOptions) {
    this.#options = options;
    this.#own = this.#openOwn();
  }

  get answerers(): ReadonlySet<Answerer> {
    return new Set([...this.#ownAnswerers, ...this.#options.ahead.answerers]);
  }

  async next(): Promise<Batch | null> {
    this.#follow();
    while (this.#positionBytes < this.#options.sizeBytes) {
      const segment = this.#options.ahead.at(this.#reading);
      if (segment) this.#endOwn();
      const batch = await (segment?.next() ?? this.#nextOfOwn());
      if (batch === "short") return null;
      if (batch && batch.sizeBytes > 0) return this.#advanced(batch);
      batch?.[Symbol.dispose]();
      this.#follow();
    }
    return null;
  }

  [Symbol.dispose](): void {
    this.#endOwn();
    this.#options.ahead[Symbol.dispose]();
  }

  get #reading(): { positionBytes: number; hasOwn: boolean } {
    return { positionBytes: this.#positionBytes, hasOwn: this.#own !== null };
  }

  /** What came, up to where a segment goes on; null at the end, "short" if that is before it should be. */
  async #nextOfOwn(): Promise<Batch | null | "short"> {
    this.#own ??= this.#openOwn();
    const batch = await this.#own.next();
    for (const answerer of this.#own.answerers) this.#ownAnswerers.add(answerer);
    if (batch === null) return this.#ownEnded();
    const limitBytes = this.#options.ahead.arrivingFrom(this.#positionBytes);
    if (limitBytes === null || limitBytes >= this.#positionBytes + batch.sizeBytes) return batch;
    this.#endOwn();
    return partOfBatch(batch, 0, limitBytes - this.#positionBytes);
  }

  #ownEnded(): null | "short" {
    this.#endOwn();
    if (this.#positionBytes === this.#ownEndBytes) return null;
    if (this.#ownEndBytes === null) return "short";
    this.#options.ahead.stop("a part that it sent was shorter than it said");
    return null;
  }

  #openOwn(): IncomingBlob {
    const { ahead, single } = this.#options;
    let isFirst = true;
    const until = (): number | null => {
      // Who fails with a part may send the rest all the same.
      this.#ownEndBytes = isFirst ? ahead.startBehind(this.#positionBytes) : null;
      isFirst = false;
      return this.#ownEndBytes;
    };
    return single({ startBytes: this.#positionBytes, until, met: ahead.failure });
  }

  #advanced(batch: Batch): Batch {
    this.#positionBytes += batch.sizeBytes;
    this.#follow();
    return batch;
  }

  #follow(): void {
    this.#options.ahead.follow(this.#reading);
  }

  #endOwn(): void {
    this.#own?.[Symbol.dispose]();
    this.#own = null;
  }
}
