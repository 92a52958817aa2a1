/** How many pulls were left at some moment, in ms of a clock that never jumps. */
export interface Sample {
  readonly atMs: number;
  readonly remaining: number;
}

// Two pulls in a second say nothing about the next hour.
const shortestMs = 60_000;

/**
 * In how many ms no pull will be left, if pulls go on as in the window so far; 0 if none is. null if that cannot be told, or
 * will not be: what was pulled comes back when its window has passed.
 */
export function emptyInMs(
  samples: readonly Sample[],
  nowMs: number,
  windowMs: number,
): number | null {
  const recent = samples.filter(({ atMs }) => nowMs - atMs <= windowMs);
  const [first, last] = [recent[0], recent.at(-1)];
  if (!first || !last) return null;
  if (last.remaining === 0) return 0;
  const passedMs = nowMs - first.atMs;
  const used = usedIn(recent);
  if (passedMs < shortestMs || used === 0) return null;
  const leftMs = Math.round((last.remaining * passedMs) / used);
  return leftMs <= windowMs ? leftMs : null;
}

/** What came back between two samples is no use. */
function usedIn(samples: readonly Sample[]): number {
  return samples.reduce((sum, { remaining }, at) => {
    const before = samples[at - 1]?.remaining ?? remaining;
    return sum + Math.max(0, before - remaining);
  }, 0);
}
