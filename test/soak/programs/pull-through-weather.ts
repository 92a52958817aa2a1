import { setTimeout as delay } from "node:timers/promises";
import { FaultScene } from "../../support/fault-scene.ts";
import { programPath } from "../../support/real-program.ts";
import { mustRun } from "../../support/run-program.ts";
import type { SeededContent } from "../../support/seeded-content.ts";
import { SeededRandom } from "../../support/seeded-random.ts";

export interface Weather {
  readonly address: string;
  readonly pulls: number;
  readonly seed: number;
}

export interface Findings {
  readonly whole: number;
  /** Pulls that a client had to make again, in all. */
  readonly again: number;
  readonly contentBytes: number;
  readonly upstreamBytes: number;
  readonly upstreamRequests: number;
}

// What people who pull over a bad line have: they try again, for some minutes.
const clients = 4;
const patienceMs = 5 * 60_000;
const pauseMs = 1_000;

const partition = { eachMs: 60_000, forMs: 30_000 };

const { address, pulls, seed }: Weather = JSON.parse(process.argv[2] ?? "");
const random = new SeededRandom(seed);
await using scene = await FaultScene.start({ address });
const { port } = new URL(scene.upstream.url);
await beginWeather();
const over = new AbortController();
const partitions = comeAndGo(over.signal);
const contents = Array.from({ length: pulls }, (_, at) =>
  scene.upstream.blob(`weather ${seed} ${at}`, random.between(10_000, 2_000_000)),
);
const waiting = [...contents];
let whole = 0;
let again = 0;
await Promise.all(Array.from({ length: clients }, pullWaiting));
over.abort();
await partitions;
const findings: Findings = {
  whole,
  again,
  contentBytes: contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  upstreamBytes: contents.reduce((sum, { digest }) => sum + scene.upstream.sentBytes(digest), 0),
  upstreamRequests: scene.upstream.requests.length,
};
process.stdout.write(JSON.stringify(findings));

async function pullWaiting(): Promise<void> {
  for (let content = waiting.pop(); content; content = waiting.pop()) await pullWhole(content);
}

async function pullWhole(content: SeededContent): Promise<void> {
  const untilMs = performance.now() + patienceMs;
  while (performance.now() < untilMs) {
    // Whatever comes of it, it is checked that no byte is wrong.
    const { status, complete } = await scene.pull("good", content);
    if (status === 200 && complete) {
      const warm = await scene.pull("good", content);
      if (warm.trueBytes === content.sizeBytes) whole++;
      return;
    }
    again++;
    await delay(pauseMs);
  }
}

/** 8 Mbit/s from upstream, one packet of a hundred lost either way, one connection of twenty reset. */
async function beginWeather(): Promise<void> {
  await mustRun(programPath("ip"), ["link", "set", "lo", "mtu", "1500"]);
  await tc("qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb", "default", "20");
  await tc(..."class add dev lo parent 1: classid 1:10 htb rate 8mbit".split(" "));
  await tc(..."class add dev lo parent 1: classid 1:20 htb rate 10gbit".split(" "));
  const filter = `filter add dev lo parent 1: protocol ip u32 match ip src ${address}/32 flowid 1:10`;
  await tc(...filter.split(" "));
  const byChance = (share: string): string[] => {
    return ["-m", "statistic", "--mode", "random", "--probability", share];
  };
  for (const side of ["--sport", "--dport"]) {
    await iptables("-A", "OUTPUT", ...tcp(side), ...byChance("0.01"), "-j", "DROP");
  }
  const reset = ["-j", "REJECT", "--reject-with", "tcp-reset"];
  await iptables("-A", "INPUT", ...tcp("--dport"), "--syn", ...byChance("0.05"), ...reset);
}

/** Half of each minute nothing comes through. */
async function comeAndGo(signal: AbortSignal): Promise<void> {
  const rules = ["--sport", "--dport"].map((side) => ["OUTPUT", ...tcp(side), "-j", "DROP"]);
  while (!signal.aborted) {
    await delay(partition.eachMs - partition.forMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    for (const rule of rules) await iptables("-I", ...rule);
    await delay(partition.forMs, undefined, { signal }).catch(() => {});
    for (const rule of rules) await iptables("-D", ...rule);
  }
}

function tcp(side: string): string[] {
  return ["-p", "tcp", side, port];
}

async function tc(...args: readonly string[]): Promise<void> {
  await mustRun(programPath("tc"), args);
}

async function iptables(...args: readonly string[]): Promise<void> {
  await mustRun(programPath("iptables"), args);
}
