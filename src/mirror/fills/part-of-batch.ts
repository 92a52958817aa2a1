import type { Batch } from "../../upstream/exchange/batch.ts";

/** Its bytes from `first` on and before `end`, in its place: disposing of them disposes of all. */
export function partOfBatch(batch: Batch, first: number, end: number): Batch {
  let startBytes = 0;
  const chunks = batch.chunks.flatMap((chunk) => {
    const part = chunk.subarray(Math.max(0, first - startBytes), Math.max(0, end - startBytes));
    startBytes += chunk.length;
    return part.length > 0 ? [part] : [];
  });
  const sizeBytes = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return { chunks, sizeBytes, [Symbol.dispose]: () => batch[Symbol.dispose]() };
}
