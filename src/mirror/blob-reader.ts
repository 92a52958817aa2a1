import type { ReadableBytes } from "../storage/blob-store.ts";
import type { Batch } from "../upstream/exchange/batch.ts";

/**
 * A blob as its reader sees it, stored or still on its way. `read` waits for bytes that have not come yet, and
 * resolves to 0 only at the end of content whose digest is verified; it rejects when that cannot be had.
 */
export interface BlobReader extends ReadableBytes, AsyncDisposable {
  /** null while upstream has not said. */
  readonly sizeBytes: number | null;
  /**
   * Waits as `read` does. Resolves to what there is of the bytes from `positionBytes` on, `limitBytes` at most, if it is in memory
   * and may be lent; else to null, and `read` has it.
   */
  borrow?(positionBytes: number, limitBytes: number): Promise<Batch | null>;
}
