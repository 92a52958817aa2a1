import { addLatencies, countOf, latencyQuantile, noLatencies } from "./latency.ts";
import {
  addTraffic,
  kindOfCell,
  noTraffic,
  outcomeOfCell,
  type Traffic,
  type TrafficKind,
  type TrafficOutcome,
  trafficKinds,
} from "./traffic.ts";
import type { TrafficWindow } from "./traffic-window.ts";

/** What requests took and came to. */
export interface RequestSums {
  readonly requests: number;
  /** Of the requests, how many were answered in each way. */
  readonly outcomes: Readonly<Record<TrafficOutcome, number>>;
  /** Bytes of content sent to clients. */
  readonly sentBytes: number;
  /** How long half of the requests took at most, and 99 of 100, to the last byte; null where there were none. */
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export interface TrafficSums extends RequestSums {
  /** Images that clients took the manifest of, and those of them that cost upstream no pull. */
  readonly pulls: number;
  readonly savedPulls: number;
  /** Bytes of content received from upstream. */
  readonly receivedBytes: number;
  /** Downloads of blobs that ended, and those of them that failed. */
  readonly fills: number;
  readonly failedFills: number;
}

export interface KindSums extends RequestSums {
  readonly kind: TrafficKind;
}

/** What happened in a window: in all, of each kind of content, and in each step. */
export interface TrafficSeries {
  readonly sum: TrafficSums;
  /** Those kinds that were asked for. */
  readonly kinds: readonly KindSums[];
  /** One for each step, the first one first. */
  readonly steps: readonly TrafficSums[];
}

/** What happened in a window, for an upstream each and in all. */
export interface TrafficReport {
  /** ISO 8601 times; the step before `to` may still be running. */
  readonly from: string;
  readonly to: string;
  readonly stepSeconds: number;
  readonly total: TrafficSeries;
  /** Those that had any, by name. */
  readonly upstreams: readonly (TrafficSeries & { readonly upstream: string })[];
}

/** What happened to one upstream from `atMs` on, which lies in one step. */
export interface TrafficRow {
  readonly atMs: number;
  readonly upstream: string;
  /** Adds it to a sum. */
  addTo(sum: Traffic): void;
}

/** Rows outside of the window are left out. */
export function reportOf(window: TrafficWindow, rows: Iterable<TrafficRow>): TrafficReport {
  const total = new Steps(window);
  const upstreams = new Map<string, Steps>();
  for (const row of rows) {
    if (row.atMs < window.fromMs || row.atMs >= window.toMs) continue;
    const own = upstreams.get(row.upstream) ?? new Steps(window);
    upstreams.set(row.upstream, own);
    row.addTo(own.at(row.atMs));
  }
  for (const own of upstreams.values()) total.add(own);
  return {
    from: new Date(window.fromMs).toISOString(),
    to: new Date(window.toMs).toISOString(),
    stepSeconds: window.stepMs / 1000,
    total: total.series(),
    upstreams: [...upstreams]
      .sort(([one], [other]) => one.localeCompare(other))
      .map(([upstream, steps]) => ({ upstream, ...steps.series() })),
  };
}

class Steps {
  readonly #window: TrafficWindow;
  readonly #steps: (Traffic | undefined)[];

  constructor(window: TrafficWindow) {
    this.#window = window;
    this.#steps = new Array((window.toMs - window.fromMs) / window.stepMs).fill(undefined);
  }

  /** The step that a time lies in. */
  at(atMs: number): Traffic {
    return this.#step(Math.floor((atMs - this.#window.fromMs) / this.#window.stepMs));
  }

  /** Adds the steps of others to these. */
  add(others: Steps): void {
    for (const [nth, step] of others.#steps.entries()) if (step) addTraffic(this.#step(nth), step);
  }

  series(): TrafficSeries {
    const sum = noTraffic();
    for (const step of this.#steps) if (step) addTraffic(sum, step);
    const empty = sumsOf(noTraffic());
    return {
      sum: sumsOf(sum),
      kinds: trafficKinds.flatMap((kind) => kindSums(sum, kind)),
      steps: this.#steps.map((step) => (step ? sumsOf(step) : empty)),
    };
  }

  #step(nth: number): Traffic {
    const step = this.#steps[nth] ?? noTraffic();
    this.#steps[nth] = step;
    return step;
  }
}

function sumsOf(traffic: Traffic): TrafficSums {
  const { pulls, savedPulls, receivedBytes, fills, failedFills } = traffic;
  return {
    ...requestSums(traffic.cells),
    pulls,
    savedPulls,
    receivedBytes,
    fills,
    failedFills,
  };
}

function kindSums({ cells }: Traffic, kind: TrafficKind): KindSums[] {
  const own = new Map([...cells].filter(([key]) => kindOfCell(key) === kind));
  return own.size === 0 ? [] : [{ kind, ...requestSums(own) }];
}

function requestSums(cells: Traffic["cells"]): RequestSums {
  const outcomes = noOutcomes();
  const latencies = noLatencies();
  let sentBytes = 0;
  let requests = 0;
  for (const [key, cell] of cells) {
    const count = countOf(cell.latencies);
    addLatencies(latencies, cell.latencies);
    const outcome = outcomeOfCell(key);
    if (outcome) outcomes[outcome] += count;
    requests += count;
    sentBytes += cell.sentBytes;
  }
  const p50Ms = latencyQuantile(latencies, 0.5);
  const p99Ms = latencyQuantile(latencies, 0.99);
  return { requests, outcomes, sentBytes, p50Ms, p99Ms };
}

function noOutcomes(): Record<TrafficOutcome, number> {
  return { hit: 0, revalidated: 0, stale: 0, collapsed: 0, miss: 0, bypass: 0, error: 0, none: 0 };
}
