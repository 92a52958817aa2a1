import { setTimeout as delay } from "node:timers/promises";
import { FaultScene } from "../../support/fault-scene.ts";
import { programPath } from "../../support/real-program.ts";
import { mustRun, runProgram } from "../../support/run-program.ts";
import type { SeededContent } from "../../support/seeded-content.ts";
import { SeededRandom } from "../../support/seeded-random.ts";
import { type LineWeather, startWeatherLine } from "../../support/weather-line.ts";

export interface Weather extends LineWeather {
  /** Of this machine, where upstream listens. */
  readonly near: string;
  /** Where it is asked, through the line. */
  readonly far: string;
  /** The share of connections that are refused, and of blobs whose first answer is broken off. */
  readonly resets: number;
  readonly pulls: number;
  readonly sizesBytes: readonly [smallest: number, largest: number];
  /** So many blobs more are pulled by curl, in turns from upstream itself and through the mirror. */
  readonly compared: number;
}

export interface Findings {
  readonly whole: number;
  /** Pulls that a client had to make again, in all. */
  readonly again: number;
  readonly contentBytes: number;
  readonly upstreamBytes: number;
  readonly upstreamRequests: number;
  readonly pullSeconds: number;
  /** Bytes a second that curl got; 0 where it was not asked. */
  readonly goodput: { readonly direct: number; readonly mirror: number };
}

// What people who pull over a bad line have: they try again, for some minutes.
const clients = 4;
const patienceMs = 10 * 60_000;
const pauseMs = 1_000;
const comparedBytes = 1_000_000;

const weather: Weather = JSON.parse(process.argv[2] ?? "");
const random = new SeededRandom(weather.seed);
await using scene = await FaultScene.start({ address: weather.near, askedAt: weather.far });
const port = Number(new URL(scene.upstream.url).port);
await using _line = await startWeatherLine(weather, { ...weather, port });
await resetConnections();
const contents = Array.from({ length: weather.pulls }, (_, at) => newContent(`pulled ${at}`));
const waiting = [...contents];
let whole = 0;
let again = 0;
const begunMs = performance.now();
await Promise.all(Array.from({ length: clients }, pullWaiting));
const pullSeconds = (performance.now() - begunMs) / 1000;
const upstreamRequests = scene.upstream.requests.length;
const goodput = { direct: await curlAll("direct"), mirror: await curlAll("mirror") };
const findings: Findings = {
  whole,
  again,
  contentBytes: contents.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
  upstreamBytes: contents.reduce((sum, { digest }) => sum + scene.upstream.sentBytes(digest), 0),
  upstreamRequests,
  pullSeconds,
  goodput,
};
process.stdout.write(JSON.stringify(findings));

function newContent(name: string): SeededContent {
  return scene.upstream.blob(`${name} ${weather.seed}`, random.between(...weather.sizesBytes));
}

async function pullWaiting(): Promise<void> {
  for (let content = waiting.pop(); content; content = waiting.pop()) await pullWhole(content);
}

async function pullWhole(content: SeededContent): Promise<void> {
  const fault = random.next() < weather.resets ? "cut-once" : "good";
  const untilMs = performance.now() + patienceMs;
  while (performance.now() < untilMs) {
    // Whatever comes of it, it is checked that no byte is wrong.
    const { status, complete } = await scene.pull(fault, content);
    if (status === 200 && complete) {
      const warm = await scene.pull(fault, content);
      if (warm.trueBytes === content.sizeBytes) whole++;
      return;
    }
    again++;
    await delay(pauseMs);
  }
}

/** Connections to upstream are refused by chance. */
async function resetConnections(): Promise<void> {
  const opening = ["-p", "tcp", "--dport", String(port), "--syn"];
  const byChance = ["-m", "statistic", "--mode", "random", "--probability", `${weather.resets}`];
  const reset = ["-j", "REJECT", "--reject-with", "tcp-reset"];
  const rule = ["-A", "INPUT", ...opening, ...byChance, ...reset];
  await mustRun(programPath("iptables"), rule);
}

/** In bytes a second, one blob after the other, each with as many tries as it takes. */
async function curlAll(way: "direct" | "mirror"): Promise<number> {
  const base = way === "direct" ? `http://${weather.far}:${port}` : scene.mirror.url;
  let bytes = 0;
  const startMs = performance.now();
  for (let at = 0; at < weather.compared; at++) {
    const content = scene.upstream.blob(`${way} ${at} ${weather.seed}`, comparedBytes);
    await curl(`${base}/v2/good/app/blobs/${content.digest}`);
    bytes += comparedBytes;
  }
  return bytes === 0 ? 0 : (bytes * 1000) / (performance.now() - startMs);
}

async function curl(url: string): Promise<void> {
  const stalls = ["--speed-limit", "1", "--speed-time", "15", "--connect-timeout", "15"];
  const options = ["-sS", "--fail", "-o", "/dev/null", ...stalls];
  const untilMs = performance.now() + patienceMs;
  for (;;) {
    const { code, stderr } = await runProgram(programPath("curl"), [...options, url], {
      limitMs: patienceMs,
    });
    if (code === 0) return;
    if (performance.now() > untilMs) throw new Error(`curl ${url} ended with ${code}: ${stderr}`);
    await delay(pauseMs);
  }
}
