import type { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { type MeteredRequest, TrafficMeter } from "../../src/storage/statistics/traffic-meter.ts";
import { SeededRandom } from "../../test/support/seeded-random.ts";

const minutes = 30 * 1440;
const upstreams = ["docker.io", "ghcr.io", "quay.io"] as const;

// A busy minute of one upstream: some three hundred requests of eight kinds.
const mix = [
  ["blob", "hit", 120],
  ["blob", "miss", 12],
  ["blob", "collapsed", 5],
  ["manifest", "hit", 150],
  ["manifest", "revalidated", 30],
  ["manifest", "miss", 8],
  ["manifest", "error", 4],
  ["tags", "none", 3],
] as const;

/** A hit, as the meter is told of it. */
export const oneRequest: MeteredRequest = {
  upstream: "docker.io",
  kind: "manifest",
  outcome: "hit",
  sentBytes: 600,
  durationMs: 0.3,
  isPull: true,
  client: "127.0.0.1",
};

/**
 * Has a catalog keep 30 days of the traffic of three upstreams, that end at `endMs`: written a hundred minutes at a time.
 * Those with traffic are `minutesApart`.
 */
export async function keepMonth(
  catalog: SqliteCatalog,
  { endMs, minutesApart }: { readonly endMs: number; readonly minutesApart: number },
): Promise<void> {
  const random = new SeededRandom(1);
  let atMs = endMs;
  const meter = new TrafficMeter(() => atMs);
  for (let back = minutes; back >= 0; back -= 1) {
    atMs = endMs - back * 60_000;
    if (back % minutesApart === 0)
      for (const upstream of upstreams) meterMinute(meter, upstream, random);
    if (back % 100 > 0) continue;
    await catalog.recordTraffic({ minutes: meter.take(), limitBytes: 2 ** 26, nowMs: atMs });
  }
}

function meterMinute(meter: TrafficMeter, upstream: string, random: SeededRandom): void {
  for (const [kind, outcome, most] of mix) {
    for (let nth = random.between(0, most); nth > 0; nth -= 1) {
      meter.note({
        ...oneRequest,
        upstream,
        kind,
        outcome,
        sentBytes: kind === "blob" ? random.sizeBetween(300, 300e6) : 4_000,
        durationMs: outcome === "hit" ? 0.3 + random.next() : random.sizeBetween(5, 5_000),
        client: `10.0.${random.between(0, 5)}.1`,
      });
    }
  }
  const receivedBytes = random.sizeBetween(1e6, 1e9);
  meter.noteReceived(upstream, { receivedBytes, fills: 12, failedFills: 0 });
}
