/** What is shown of some samples. Medians, because one slow round of a busy machine must not count. */
export interface Summary {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly samples: readonly number[];
}

/** Null for no samples. */
export function summarize(samples: readonly number[]): Summary | null {
  if (samples.length === 0) return null;
  return {
    median: median(samples),
    min: Math.min(...samples),
    max: Math.max(...samples),
    samples,
  };
}

/**
 * The median of the ratios of each round. A round takes all contestants within seconds, so a machine
 * that drifts over minutes moves both sides of a round's ratio, where it would spoil one of medians.
 */
export function pairedRatio(ours: readonly number[], theirs: readonly number[]): number | null {
  const ratios = ours.flatMap((value, round) => {
    const other = theirs[round];
    // Differences can be less than nothing: of such there is no ratio.
    return other === undefined || other <= 0 || value < 0 ? [] : [value / other];
  });
  return ratios.length === 0 ? null : median(ratios);
}

export function median(samples: readonly number[]): number {
  const sorted = samples.toSorted((a, b) => a - b);
  const upper = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
  const lower = sorted[Math.ceil(sorted.length / 2) - 1] ?? Number.NaN;
  return (lower + upper) / 2;
}

/**
 * The exponent b of the a·x^b that is nearest to points in a picture with both axes logarithmic: least squares. Null for
 * fewer than two.
 */
export function fittedExponent(
  points: readonly (readonly [x: number, y: number])[],
): number | null {
  if (points.length < 2) return null;
  const logs = points.map(([x, y]) => [Math.log(x), Math.log(y)] as const);
  const mean = (of: (log: readonly [number, number]) => number): number =>
    logs.reduce((sum, log) => sum + of(log), 0) / logs.length;
  const [meanX, meanY] = [mean(([x]) => x), mean(([, y]) => y)];
  return mean(([x, y]) => (x - meanX) * (y - meanY)) / mean(([x]) => (x - meanX) ** 2);
}

/** The sample below which `share` of them lie, between 0 and 1. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
