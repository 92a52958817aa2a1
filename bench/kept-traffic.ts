// What does counting cost a hit, how much do 30 days of minutes of three upstreams take, and how soon is a month told?

import { statSync } from "node:fs";
import { join } from "node:path";
import { SqliteCatalog } from "../src/storage/catalog/sqlite-catalog.ts";
import { prepareLayout } from "../src/storage/layout.ts";
import { TrafficMeter } from "../src/storage/statistics/traffic-meter.ts";
import { readWindow, type TrafficWindow } from "../src/storage/statistics/traffic-window.ts";
import { keepMonth, oneRequest } from "./support/month-of-traffic.ts";
import { placeImage } from "./support/origin.ts";
import { pullVerified } from "./support/pull-verified.ts";
import type { Bench, Question } from "./support/question.ts";
import { startSluice } from "./support/sluice.ts";
import { median } from "./support/statistics.ts";
import { takeTurns, withRounds } from "./support/turns.ts";
import { wrk } from "./support/wrk.ts";

const [shareLabel, sizeLabel, askedLabel] = [
  "counting, share of a hit",
  "30 days of 3 upstreams",
  "30 days by hours, asked",
];

export const keptTraffic: Question = {
  name: "kept-traffic",
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

async function play(bench: Bench): Promise<void> {
  const directory = join(await bench.lab.makeDirectory("traffic"), "storage");
  const layout = await prepareLayout(directory);
  await using catalog = await SqliteCatalog.open(layout);
  const endMs = Date.now();
  await keepMonth(catalog, { endMs, minutesApart: bench.size.minutesApart });
  const { size } = statSync(layout.catalogFile);
  bench.board.add("sluice", { [sizeLabel]: size / 2 ** 20 });
  const window = windowOf(endMs);
  const ask = async (): Promise<number> => {
    const askedMs = performance.now();
    await catalog.ask({ kind: "traffic", window, pending: [] });
    return performance.now() - askedMs;
  };
  // The first who asks starts the thread that reads it.
  await ask();
  const rounds = withRounds(bench, bench.size.coldRounds, 0);
  await takeTurns(rounds, [{ name: "sluice" }], async () => {
    const tookMs: number[] = [];
    for (let nth = 0; nth < asked; nth += 1) tookMs.push(await ask());
    return { [askedLabel]: median(tookMs), [shareLabel]: await shareOfHit(bench) };
  });
}

// The thread is new, and has compiled what it reads with after some.
const asked = 7;

function windowOf(endMs: number): TrafficWindow {
  const read = readWindow({ window: "30d", step: "1h" }, endMs);
  if ("problem" in read) throw new Error(read.problem);
  return read.window;
}

/** In percent: the time that counting takes, beside all that a warm manifest takes. */
async function shareOfHit({ lab, origin, size }: Bench): Promise<number> {
  await using server = await startSluice(lab, origin.url, {});
  const { digest, digestPath, headers } = await placeImage(origin, "counted");
  const url = server.url + digestPath;
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
