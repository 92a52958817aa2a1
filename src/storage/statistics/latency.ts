// Half an octave each, from a quarter of a millisecond to twelve minutes: a hit takes well under a millisecond, a large cold
// layer minutes. What is read from them is right to a fifth, whatever was merged.
const firstMs = 0.25;
const bucketsPerOctave = 2;

/** How many buckets there are; the last one takes all that is slower. */
export const latencyBuckets = 44;

/** Counts of requests by how long they took: one for each bucket. Any two may be added. */
export type LatencyCounts = number[];

export function noLatencies(): LatencyCounts {
  return new Array<number>(latencyBuckets).fill(0);
}

/** The bucket of a duration. */
export function latencyBucketOf(durationMs: number): number {
  if (!(durationMs > firstMs)) return 0;
  const bucket = Math.ceil(Math.log2(durationMs / firstMs) * bucketsPerOctave);
  return Math.min(bucket, latencyBuckets - 1);
}

/** The duration, in ms, that a share of the requests (0.99) did not exceed; null where there were none. */
export function latencyQuantile(counts: Readonly<LatencyCounts>, share: number): number | null {
  const total = countOf(counts);
  if (total === 0) return null;
  const wanted = share * total;
  let below = 0;
  for (let bucket = 0; bucket < latencyBuckets; bucket++) {
    const count = counts[bucket] ?? 0;
    if (count > 0 && below + count >= wanted) return within(bucket, (wanted - below) / count);
    below += count;
  }
  return within(latencyBuckets - 1, 1);
}

/** How many requests there were. */
export function countOf(counts: Readonly<LatencyCounts>): number {
  let total = 0;
  for (let bucket = 0; bucket < latencyBuckets; bucket++) total += counts[bucket] ?? 0;
  return total;
}

/** Adds `more` to `sum`. A month has a million of them, so neither this nor what is above makes an iterator. */
export function addLatencies(sum: LatencyCounts, more: Readonly<LatencyCounts>): void {
  for (let bucket = 0; bucket < latencyBuckets; bucket++) {
    const count = more[bucket] ?? 0;
    if (count > 0) sum[bucket] = (sum[bucket] ?? 0) + count;
  }
}

/** As if its requests lay at equal ratios in it; rounded to what it can know. */
function within(bucket: number, share: number): number {
  const lowerMs = bucket === 0 ? firstMs / 2 : upperMs(bucket - 1);
  return Number((lowerMs * (upperMs(bucket) / lowerMs) ** share).toPrecision(3));
}

function upperMs(bucket: number): number {
  return firstMs * 2 ** (bucket / bucketsPerOctave);
}
