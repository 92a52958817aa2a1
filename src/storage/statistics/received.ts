import type { Metrics } from "../../telemetry/metrics.ts";
import type { Traffic } from "./traffic.ts";

export type ReceivedTraffic = Pick<Traffic, "receivedBytes" | "fills" | "failedFills">;

/**
 * What came from upstreams: the metrics count it where it comes, in the middle of a download, so that here it is enough to look
 * at them from time to time.
 */
export class Received {
  readonly #metrics: Metrics;
  #before: ReadonlyMap<string, ReceivedTraffic> = new Map();

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  /** By upstream, what has come since this was asked last. */
  async since(): Promise<readonly (readonly [upstream: string, received: ReceivedTraffic])[]> {
    const now = await countedBy(this.#metrics);
    const before = this.#before;
    this.#before = now;
    return [...now]
      .map(([upstream, counted]) => [upstream, less(counted, before.get(upstream))] as const)
      .filter(([, { receivedBytes, fills }]) => receivedBytes + fills > 0);
  }
}

async function countedBy(metrics: Metrics): Promise<Map<string, ReceivedTraffic>> {
  const counted = new Map<string, ReceivedTraffic>();
  const of = (label: unknown): ReceivedTraffic => {
    const upstream = String(label);
    const known = counted.get(upstream) ?? { receivedBytes: 0, fills: 0, failedFills: 0 };
    counted.set(upstream, known);
    return known;
  };
  for (const { labels, value } of (await metrics.upstreamReceivedBytes.get()).values) {
    of(labels.upstream).receivedBytes += value;
  }
  for (const { labels, value } of (await metrics.fills.get()).values) {
    if (isDownload(labels.result)) of(labels.upstream).fills += value;
    if (labels.result === "failed") of(labels.upstream).failedFills += value;
  }
  return counted;
}

/** What was refused, or not wanted any more, is no download that went wrong, nor one that went well. */
function isDownload(result: unknown): boolean {
  return result !== "refused" && result !== "abandoned";
}

function less(counted: ReceivedTraffic, before: ReceivedTraffic | undefined): ReceivedTraffic {
  return {
    receivedBytes: counted.receivedBytes - (before?.receivedBytes ?? 0),
    fills: counted.fills - (before?.fills ?? 0),
    failedFills: counted.failedFills - (before?.failedFills ?? 0),
  };
}
