// Below it an answer is over before others could help: a tenth of a second at the 100 MB/s of a near registry, seconds
// where each connection is slow enough to be worth more of them.
const leastSizeBytes = 8 * 1024 * 1024;

// Small enough that what one slow connection holds up fits into the window, large enough that the time until its answer
// begins (some 100 ms) is little beside the time it takes: 2 s at 2 MB/s.
const largestSegmentBytes = 4 * 1024 * 1024;

// A blob is cut into so many for each connection at least, so that none has nothing left to do while another has much.
const segmentsEach = 2;

// Segments that are ahead of the reader are in memory. Each connection may be one ahead of what it brings, so that it need
// not wait for one that is half as fast.
const heldEach = 2;
const windowLimitBytes = 32 * 1024 * 1024;

/** How a blob is cut into segments, each asked for by itself. */
export interface SegmentPlan {
  readonly sizeBytes: number;
  /** Of each but the last one, which may be shorter. */
  readonly segmentBytes: number;
  /** How many there are. */
  readonly count: number;
  /** How many answers come at once at most. */
  readonly connections: number;
  /** How many segments are in memory at most. */
  readonly heldLimit: number;
}

/** null if the blob is not worth it. */
export function planSegments(sizeBytes: number, connections: number): SegmentPlan | null {
  if (connections < 2 || sizeBytes < leastSizeBytes) return null;
  const heldLimit = heldEach * connections;
  const mostBytes = Math.min(largestSegmentBytes, windowLimitBytes / heldLimit);
  const evenBytes = Math.ceil(sizeBytes / (segmentsEach * connections));
  const segmentBytes = Math.min(mostBytes, evenBytes);
  const count = Math.ceil(sizeBytes / segmentBytes);
  return { sizeBytes, segmentBytes, count, connections, heldLimit };
}
