import type { ByteRange } from "../../oci/byte-range.ts";
import type { UpstreamBlob } from "../../upstream/answers.ts";
import type { Batch } from "../../upstream/exchange/batch.ts";
import { partOfBatch } from "./part-of-batch.ts";

/** A stretch of a blob, asked for by itself; in memory from when it comes until it is taken. */
export class Segment {
  readonly range: ByteRange;
  #state: "asked" | "arriving" | "ended" = "asked";
  #blob: UpstreamBlob | null = null;
  #batches: Batch[] = [];
  #receivedBytes = 0;
  #takenBytes = 0;
  #isLeft = false;
  #progress = Promise.withResolvers<void>();

  constructor(range: ByteRange) {
    this.range = range;
  }

  /** Where in the blob the next byte is that was not taken. */
  get nextBytes(): number {
    return this.range.first + this.#takenBytes;
  }

  /** Where in the blob it ends. */
  get endBytes(): number {
    return this.range.last + 1;
  }

  /** Whether its answer has begun: what comes next is there, or on its way. */
  get hasBegun(): boolean {
    return this.#state === "arriving" || this.#receivedBytes > 0;
  }

  /** Takes its body. Rejects with UpstreamError if that breaks off; what came before stays. */
  async receive(blob: UpstreamBlob): Promise<void> {
    this.#blob = blob;
    if (this.#isLeft) return blob.drop();
    this.#enter("arriving");
    for (let batch = await blob.next(); batch; batch = await blob.next()) {
      const missingBytes = this.endBytes - this.range.first - this.#receivedBytes;
      if (missingBytes > 0 && !this.#isLeft) {
        this.#keep(partOfBatch(batch, 0, missingBytes));
      } else {
        // What goes on behind the part that its header names may have no end.
        batch[Symbol.dispose]();
        return blob.drop();
      }
    }
  }

  /** Nothing more comes. */
  end(): void {
    this.#enter("ended");
  }

  /** Whether all of it has come. */
  get isWhole(): boolean {
    return this.range.first + this.#receivedBytes === this.endBytes;
  }

  /** Whether there is nothing to take from it any more. */
  get isOver(): boolean {
    return this.#state === "ended" && this.#batches.length === 0;
  }

  /** What has come since the last call, or null if nothing more does. */
  async next(): Promise<Batch | null> {
    for (;;) {
      const batch = this.#batches.shift();
      if (batch) {
        this.#takenBytes += batch.sizeBytes;
        return batch;
      }
      if (this.#state === "ended" || this.nextBytes === this.endBytes) return null;
      await this.#progress.promise;
    }
  }

  /** Nobody wants it any more. */
  leave(): void {
    this.#isLeft = true;
    for (const batch of this.#batches.splice(0)) batch[Symbol.dispose]();
    this.#blob?.drop();
  }

  #keep(batch: Batch): void {
    this.#batches.push(batch);
    this.#receivedBytes += batch.sizeBytes;
    this.#wake();
  }

  #enter(state: "arriving" | "ended"): void {
    this.#state = state;
    this.#wake();
  }

  #wake(): void {
    this.#progress.resolve();
    this.#progress = Promise.withResolvers();
  }
}
