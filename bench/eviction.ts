// Which eviction policy keeps more of what is pulled again?

import { parseArgs } from "node:util";
import { type ReplayedCache, replay } from "../src/mirror/simulation/replay.ts";
import { hitRatesOf } from "./support/hit-rates.ts";
import { policyTable, type Score, standings } from "./support/policy-tables.ts";
import { makeTrace, traceNames } from "./support/pull-traces.ts";
import { resultsFile, storeResults } from "./support/results-file.ts";

const usage = `npm run bench:eviction -- [--quick] [--json FILE]

Replays made-up traces of pulls (bench/support/pull-traces.ts) against caches of several sizes with each
eviction policy, and with Belady's, which sees the future. The figures are the same on every machine.

  --quick         one seed and fewer pulls: coarse, in seconds
  --json FILE     where to store the results; else a new file in bench/results
  --help          this text`;

// The policies were written with seed 1 in view; it is not among those that judge them.
const fullSize = { seeds: [11, 12, 13, 14, 15], scale: 0.5 };
const quickSize = { seeds: [11], scale: 0.2 };

const policies: readonly ReplayedCache["policy"][] = ["lru", "lfu", "gdsf", "belady"];

/** Cache sizes as shares of all the bytes that a trace asks for. */
const shares: readonly number[] = [0.05, 0.1, 0.2, 0.4];

// As the mirror's defaults.
const watermarks = { highWatermark: 0.95, lowWatermark: 0.85 };

await main();

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return console.log(usage);
  const startedAt = new Date();
  const size = values.quick ? quickSize : fullSize;
  const scores = measure(size);
  console.log(`hit rates in %: bytes, blobs, whole images; seeds ${size.seeds.join(", ")}: medians
`);
  console.log(`${policyTable(scores)}\n\n${standings(scores)}`);
  const file = values.json ?? resultsFile(startedAt);
  await storeResults(file, { startedAt, ...size, shares, ...watermarks, scores });
}

function measure({ seeds, scale }: typeof fullSize): readonly Score[] {
  return traceNames.flatMap((trace) => {
    console.error(`${trace} …`);
    const bySeed = seeds.map((seed) => {
      const { pulls, workingSetBytes } = makeTrace(trace, seed, scale);
      return replay(pulls, cachesOf(workingSetBytes)).map(hitRatesOf);
    });
    return contests().map((contest, at) => ({
      trace,
      ...contest,
      rates: bySeed.flatMap((rates) => rates.slice(at, at + 1)),
    }));
  });
}

function cachesOf(workingSetBytes: number): readonly ReplayedCache[] {
  return contests().map(({ policy, share }) => ({
    policy,
    limitBytes: share * workingSetBytes,
    ...watermarks,
  }));
}

function contests(): readonly Pick<Score, "policy" | "share">[] {
  return shares.flatMap((share) => policies.map((policy) => ({ policy, share })));
}
