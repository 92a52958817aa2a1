/**
 * Bytes of a body, in order. They are the taker's until disposed: then others may come in their place. Whoever keeps them
 * for good just does not dispose of it.
 */
export interface Batch extends Disposable {
  readonly chunks: readonly Buffer[];
  /** Of all chunks together; more than 0. */
  readonly sizeBytes: number;
}
