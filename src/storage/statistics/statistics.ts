import type { Metrics } from "../../telemetry/metrics.ts";
import type { Traffic } from "./traffic.ts";
import type { MinuteTraffic, TrafficMeter } from "./traffic-meter.ts";
import { reportOf, type TrafficReport, type TrafficRow } from "./traffic-report.ts";
import { minuteMs, type TrafficWindow } from "./traffic-window.ts";

export interface StatisticsOptions {
  readonly meter: TrafficMeter;
  readonly metrics: Metrics;
}

/** What came from upstreams since the start, as the metrics count it. */
type Received = Map<string, Pick<Traffic, "receivedBytes" | "fills" | "failedFills">>;

/** What happened, by time and upstream. */
export class Statistics {
  readonly meter: TrafficMeter;
  readonly #metrics: Metrics;
  #received: Received = new Map();

  constructor({ meter, metrics }: StatisticsOptions) {
    this.meter = meter;
    this.#metrics = metrics;
  }

  /** What happened in a window. */
  async report(window: TrafficWindow): Promise<TrafficReport> {
    await this.#noteReceived();
    const minutes = this.meter.take();
    this.meter.giveBack(minutes);
    return reportOf(window, minutes.flatMap(rowsOf));
  }

  /** The bytes of a download are counted as they come, by the metrics: here, what came since the last look. */
  async #noteReceived(): Promise<void> {
    const before = this.#received;
    const received = await receivedOf(this.#metrics);
    this.#received = received;
    for (const [upstream, { receivedBytes, fills, failedFills }] of received) {
      const last = before.get(upstream);
      const since = {
        receivedBytes: receivedBytes - (last?.receivedBytes ?? 0),
        fills: fills - (last?.fills ?? 0),
        failedFills: failedFills - (last?.failedFills ?? 0),
      };
      if (since.receivedBytes + since.fills > 0) this.meter.noteReceived(upstream, since);
    }
  }
}

async function receivedOf(metrics: Metrics): Promise<Received> {
  const received: Received = new Map();
  const of = (upstream: unknown): { receivedBytes: number; fills: number; failedFills: number } => {
    const name = String(upstream);
    const known = received.get(name) ?? { receivedBytes: 0, fills: 0, failedFills: 0 };
    received.set(name, known);
    return known;
  };
  for (const { labels, value } of (await metrics.upstreamReceivedBytes.get()).values) {
    of(labels.upstream).receivedBytes += value;
  }
  for (const { labels, value } of (await metrics.fills.get()).values) {
    if (isDownload(labels.result)) of(labels.upstream).fills += value;
    if (labels.result === "failed") of(labels.upstream).failedFills += value;
  }
  return received;
}

/** What was refused or not wanted any more is no download that went wrong. */
function isDownload(result: unknown): boolean {
  return result !== "refused" && result !== "abandoned";
}

function rowsOf({ minute, upstreams }: MinuteTraffic): TrafficRow[] {
  return [...upstreams].map(([upstream, traffic]) => ({
    atMs: minute * minuteMs,
    upstream,
    traffic,
  }));
}
