import { addLatencies, type LatencyCounts, noLatencies } from "./latency.ts";

export const trafficKinds = ["blob", "manifest", "tags", "referrers"] as const;
export type TrafficKind = (typeof trafficKinds)[number];

/** Those of `PullOutcome`, and `error`; `none` is an answer that was no pull, as a list is. Appended to, never reordered. */
const trafficOutcomes = [
  "hit",
  "revalidated",
  "stale",
  "collapsed",
  "miss",
  "bypass",
  "error",
  "none",
] as const;
export type TrafficOutcome = (typeof trafficOutcomes)[number];

/** The requests for one kind of content that were answered in one way. */
export interface TrafficCell {
  sentBytes: number;
  /** One for each request. */
  readonly latencies: LatencyCounts;
}

/** What clients asked one upstream for, were sent, and what the upstream sent, in some time. */
export interface Traffic {
  /** By `cellKey`. */
  readonly cells: Map<number, TrafficCell>;
  /** Images that clients took the manifest of, and those of them for which upstream was not asked for it. */
  pulls: number;
  savedPulls: number;
  receivedBytes: number;
  /** Fills that ended, and those of them that failed. */
  fills: number;
  failedFills: number;
}

export function noTraffic(): Traffic {
  return { cells: new Map(), pulls: 0, savedPulls: 0, receivedBytes: 0, fills: 0, failedFills: 0 };
}

// So that an outcome can be added: the keys are stored.
const outcomesOfKind = 16;

export function cellKey(kind: TrafficKind, outcome: TrafficOutcome): number {
  return trafficKinds.indexOf(kind) * outcomesOfKind + trafficOutcomes.indexOf(outcome);
}

export function kindOfCell(key: number): TrafficKind | undefined {
  return trafficKinds[Math.floor(key / outcomesOfKind)];
}

export function outcomeOfCell(key: number): TrafficOutcome | undefined {
  return trafficOutcomes[key % outcomesOfKind];
}

/** Adds `more` to `sum`. */
export function addTraffic(sum: Traffic, more: Traffic): void {
  sum.pulls += more.pulls;
  sum.savedPulls += more.savedPulls;
  sum.receivedBytes += more.receivedBytes;
  sum.fills += more.fills;
  sum.failedFills += more.failedFills;
  for (const [key, { sentBytes, latencies }] of more.cells) {
    const cell = cellOf(sum, key);
    cell.sentBytes += sentBytes;
    addLatencies(cell.latencies, latencies);
  }
}

/** The cell of that key, an empty one if there was none. */
export function cellOf({ cells }: Traffic, key: number): TrafficCell {
  let cell = cells.get(key);
  if (!cell) {
    cell = { sentBytes: 0, latencies: noLatencies() };
    cells.set(key, cell);
  }
  return cell;
}
