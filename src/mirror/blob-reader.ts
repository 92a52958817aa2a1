import type { ReadableBytes } from "../storage/blob-store.ts";

/**
 * A blob as its reader sees it, stored or still on its way. `read` waits for bytes that have not come yet, and
 * resolves to 0 only at the end of content whose digest is verified; it rejects when that cannot be had.
 */
export interface BlobReader extends ReadableBytes, AsyncDisposable {
  /** null while upstream has not said. */
  readonly sizeBytes: number | null;
}
