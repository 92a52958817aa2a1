import { countOf } from "./latency.ts";
import { noTraffic, type Traffic } from "./traffic.ts";
import { addNetworkTraffic, type NetworkTraffic, noNetworkTraffic } from "./traffic-meter.ts";
import type { TrafficRow } from "./traffic-report.ts";
import type { TrafficWindow } from "./traffic-window.ts";

export type SavingsBy = "upstream" | "network";

export interface SavingsRequest {
  readonly window: TrafficWindow;
  readonly by: SavingsBy;
}

/** What the mirror answered, and how much of it by itself. */
export interface SavingsRow {
  /** Of an upstream or a network, such as `192.0.2.0/24`; `other` is all networks beyond those that are told apart. */
  readonly name: string;
  readonly requests: number;
  /** Images that clients took the manifest of, and those of them that cost upstream no pull. */
  readonly pulls: number;
  readonly savedPulls: number;
  readonly sentBytes: number;
  /** Of an upstream, bytes sent beyond those received; of a network, those of answers that cost no download. */
  readonly savedBytes: number;
}

export interface SavingsReport {
  /** ISO 8601 times. */
  readonly from: string;
  readonly to: string;
  readonly by: SavingsBy;
  /** Those that saved most first. */
  readonly rows: readonly SavingsRow[];
  /** Of all upstreams together. */
  readonly total: Omit<SavingsRow, "name">;
}

/** What happened to the clients of one network from `atMs` on. */
export interface NetworkRow {
  readonly atMs: number;
  readonly network: string;
  readonly traffic: NetworkTraffic;
}

/** Rows outside of the window are left out. */
export function savingsReportOf(
  { window, by }: SavingsRequest,
  told: { readonly upstreams: Iterable<TrafficRow>; readonly networks: Iterable<NetworkRow> },
): SavingsReport {
  const upstreams = sumsByUpstream(window, told.upstreams);
  const sums = by === "upstream" ? upstreams : sumsByNetwork(window, told.networks);
  const total = noNetworkTraffic();
  for (const one of upstreams.values()) addNetworkTraffic(total, one);
  return {
    from: new Date(window.fromMs).toISOString(),
    to: new Date(window.toMs).toISOString(),
    by,
    rows: [...sums].map(([name, sum]) => ({ name, ...sum })).sort(bySavedBytes),
    total,
  };
}

function bySavedBytes(one: SavingsRow, other: SavingsRow): number {
  return other.savedBytes - one.savedBytes || one.name.localeCompare(other.name);
}

function sumsByNetwork(
  window: TrafficWindow,
  rows: Iterable<NetworkRow>,
): Map<string, NetworkTraffic> {
  const sums = new Map<string, NetworkTraffic>();
  for (const { atMs, network, traffic } of rows) {
    if (isWithin(window, atMs)) addNetworkTraffic(sumOf(sums, network), traffic);
  }
  return sums;
}

function sumsByUpstream(
  window: TrafficWindow,
  rows: Iterable<TrafficRow>,
): Map<string, NetworkTraffic> {
  const sums = new Map<string, NetworkTraffic>();
  const upstreams = new Map<string, Traffic>();
  for (const row of rows) {
    if (!isWithin(window, row.atMs)) continue;
    const sum = upstreams.get(row.upstream) ?? noTraffic();
    upstreams.set(row.upstream, sum);
    row.addTo(sum);
  }
  for (const [upstream, sum] of upstreams) sums.set(upstream, totalsOf(sum));
  return sums;
}

function totalsOf({ cells, pulls, savedPulls, receivedBytes }: Traffic): NetworkTraffic {
  const totals = { ...noNetworkTraffic(), pulls, savedPulls };
  for (const { sentBytes, latencies } of cells.values()) {
    totals.requests += countOf(latencies);
    totals.sentBytes += sentBytes;
  }
  totals.savedBytes = Math.max(0, totals.sentBytes - receivedBytes);
  return totals;
}

function sumOf(sums: Map<string, NetworkTraffic>, name: string): NetworkTraffic {
  const sum = sums.get(name) ?? noNetworkTraffic();
  sums.set(name, sum);
  return sum;
}

function isWithin({ fromMs, toMs }: TrafficWindow, atMs: number): boolean {
  return atMs >= fromMs && atMs < toMs;
}
