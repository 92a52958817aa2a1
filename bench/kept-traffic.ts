// What does counting cost a hit, how much do 30 days of minutes of three upstreams take, and how soon is a month told?

import { statSync } from "node:fs";
import { join } from "node:path";
import { SqliteCatalog } from "../src/storage/catalog/sqlite-catalog.ts";
import { prepareLayout } from "../src/storage/layout.ts";
import { type MeteredRequest, TrafficMeter } from "../src/storage/statistics/traffic-meter.ts";
import { readWindow, type TrafficWindow } from "../src/storage/statistics/traffic-window.ts";
import { SeededRandom } from "../test/support/seeded-random.ts";
import { placeImage } from "./support/origin.ts";
import { pullVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import { startSluice } from "./support/sluice.ts";
import { wrk } from "./support/wrk.ts";

const [shareLabel, sizeLabel, askedLabel] = [
  "counting, share of a hit",
  "30 days of 3 upstreams",
  "30 days by hours, asked",
];

export const keptTraffic: Question = {
  name: "statistics",
  rows: [
    {
      label: shareLabel,
      unit: "%",
      decimals: 2,
      targets: [{ of: "sluice", kind: "at most", value: 5 }],
    },
    {
      label: sizeLabel,
      unit: "MiB",
      decimals: 1,
      targets: [{ of: "sluice", kind: "at most", value: 20 }],
    },
    {
      label: askedLabel,
      unit: "ms",
      decimals: 0,
      targets: [{ of: "sluice", kind: "at most", value: 50 }],
    },
  ],
  play,
};

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

async function play(bench: Bench): Promise<void> {
  const directory = join(await bench.lab.makeDirectory("traffic"), "storage");
  const layout = await prepareLayout(directory);
  await using catalog = await SqliteCatalog.open(layout);
  const endMs = Date.now();
  await fill(catalog, endMs);
  const { size } = statSync(layout.catalogFile);
  bench.board.add("sluice", { [sizeLabel]: size / 2 ** 20 });
  const window = windowOf(endMs);
  for (let round = -bench.size.discardedRounds; round < bench.size.rounds; round += 1) {
    const askedMs = performance.now();
    await catalog.ask({ kind: "traffic", window, pending: [] });
    const tookMs = performance.now() - askedMs;
    const share = await shareOfHit(bench);
    if (round >= 0) bench.board.add("sluice", { [askedLabel]: tookMs, [shareLabel]: share });
  }
}

/** Minute by minute, written a hundred at a time. */
async function fill(catalog: SqliteCatalog, endMs: number): Promise<void> {
  const random = new SeededRandom(1);
  let atMs = endMs;
  const meter = new TrafficMeter(() => atMs);
  for (let back = minutes; back >= 0; back -= 1) {
    atMs = endMs - back * 60_000;
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

const oneRequest: MeteredRequest = {
  upstream: "docker.io",
  kind: "manifest",
  outcome: "hit",
  sentBytes: 600,
  durationMs: 0.3,
  isPull: true,
  client: "127.0.0.1",
};

function windowOf(endMs: number): TrafficWindow {
  const read = readWindow({ window: "30d", step: "1h" }, endMs);
  if ("problem" in read) throw new Error(read.problem);
  return read.window;
}

/** In percent: the time that counting takes, beside all that a warm manifest takes. */
async function shareOfHit({ lab, origin, size }: Bench): Promise<number> {
  await using server = await startSluice(lab, origin.url, {});
  const { digest, digestPath, mediaType } = await placeImage(origin, "counted");
  const url = server.url + digestPath;
  const headers = { accept: mediaType };
  await pullVerified({ url, digest, headers, signal: lab.signal });
  const seconds = size.wrkSeconds;
  const hitMs = 1000 / (await wrk({ url, seconds, headers, signal: lab.signal }));
  return (100 * countingMs()) / hitMs;
}

// Enough that the compiler has done what it does.
const counted = 1_000_000;

function countingMs(): number {
  const meter = new TrafficMeter(Date.now);
  const beganMs = performance.now();
  for (let nth = 0; nth < counted; nth += 1) meter.note({ ...oneRequest });
  return (performance.now() - beganMs) / counted;
}
