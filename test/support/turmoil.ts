import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { digestOf } from "../../src/oci/digest.ts";
import { ask } from "./ask.ts";
import { type CheckedAnswer, type CheckedRequest, CheckingClient } from "./checking-client.ts";
import { eventually } from "./eventually.ts";
import { FalseClock } from "./false-clock.ts";
import { manifestOfBytes } from "./fault-manifest.ts";
import { assertNeverWrong, auditStore } from "./fault-oracles.ts";
import { footprintOf } from "./fault-process-scene.ts";
import { FaultUpstream } from "./fault-upstream.ts";
import { faults, lieOf } from "./faults.ts";
import { rawRequest } from "./raw-client.ts";
import type { SeededContent } from "./seeded-content.ts";
import { SeededRandom } from "./seeded-random.ts";
import { type Settings, SluiceProcess } from "./sluice-process.ts";

export interface TurmoilOptions {
  readonly seed: number;
  readonly durationMs: number;
}

/** What happened, for people; what must not happen has thrown. */
export interface TurmoilReport {
  readonly events: Readonly<Record<string, number>>;
  readonly answers: Readonly<Record<string, number>>;
  readonly hits: number;
  readonly upstreamBytes: number;
  readonly neededBytes: number;
  readonly memory: TurmoilMemory;
}

/** Of the last process, while it was only pulled from. In MiB. */
export interface TurmoilMemory {
  /**
   * The least of what its JavaScript held, in the second third of that time and in the last. What is resident says nothing of
   * a leak: it is what garbage and content on its way once took together, whenever that was most.
   */
  readonly held: { readonly before: number; readonly after: number };
  readonly residentPeak: number;
}

const clients = 32;
const upstreamNames = ["a.test", "b.test", "c.test"];
const largestBytes = 2 * 1024 * 1024;

// Each makes its client wait for timeouts; of all faults they are a tenth, and would be most of the time.
const slow = /^(stall|header-a-byte|end-never)/;

// What a registry says that limits (`faults.ts`), and some more: for so long the mirror asks it for nothing.
const limitedForMs = 75_000;

// A blob that breaks off goes on for so long at each of six cuts in a row while its registry limits. Requests that are
// forgotten are made anew as far as the upstream's faults know, so that those come again and again.
const longestPullMs = 6 * limitedForMs;

// Whatever came of these is the truth or nothing.
const honestFaults = ["good", "good", "good", "chunked", "hop-good"];

interface Item {
  readonly content: SeededContent;
  readonly fault: string;
  readonly upstream: number;
  /** When it was last seen to be a hit, on the clock that never jumps. */
  hitMs: number | null;
}

type Event = "kill" | "reload" | "outage" | "pause" | "clock" | "tag";

/**
 * Everything at once, for as long as it is told: upstreams with every fault there is, that go down and come up; clients that
 * check each byte; a daemon that is killed, paused, reloaded, and whose clock jumps. In the last third nothing is done to
 * it but pulls, so that its memory can be watched; then all is healed, and everything must be there.
 */
export async function turmoil(options: TurmoilOptions): Promise<TurmoilReport> {
  await using all = await Turmoil.start(options);
  return await all.run();
}

class Turmoil implements AsyncDisposable {
  readonly #random: SeededRandom;
  readonly #durationMs: number;
  readonly #seed: number;
  readonly #upstreams: readonly FaultUpstream[];
  readonly #directory: string;
  readonly #clock: FalseClock | null;
  readonly #resources: AsyncDisposableStack;
  readonly #items: Item[] = [];
  readonly #events = new Map<string, number>();
  readonly #answers = new Map<string, number>();
  readonly #violations: string[] = [];
  readonly #underway = new Set<Item>();
  readonly #tagBytes = new Map<string, Set<string>>();
  #sluice: SluiceProcess | null = null;
  #ending = false;
  #lastKillMs = 0;
  #hits = 0;
  #honestSentBytes = 0;
  /** Honest content that clients left, or that was on its way when it was broken off by us. */
  #lostBytes = 0;

  private constructor(
    { seed, durationMs }: TurmoilOptions,
    parts: {
      readonly upstreams: readonly FaultUpstream[];
      readonly directory: string;
      readonly clock: FalseClock | null;
    },
    resources: AsyncDisposableStack,
  ) {
    this.#seed = seed;
    this.#random = new SeededRandom(seed);
    this.#durationMs = durationMs;
    this.#upstreams = parts.upstreams;
    this.#directory = parts.directory;
    this.#clock = parts.clock;
    this.#resources = resources;
  }

  static async start(options: TurmoilOptions): Promise<Turmoil> {
    await using resources = new AsyncDisposableStack();
    const upstreams: FaultUpstream[] = [];
    for (const _name of upstreamNames) {
      upstreams.push(resources.use(await FaultUpstream.start({ bytesPerSecond: 20_000_000 })));
    }
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "turmoil-")));
    const clock = await FalseClock.find(home.path);
    const parts = { upstreams, directory: join(home.path, "storage"), clock };
    return new Turmoil(options, parts, resources.move());
  }

  async run(): Promise<TurmoilReport> {
    for (let at = 0; at < 60; at++) this.#addItem();
    for (let at = 0; at < upstreamNames.length; at++) this.#moveTag(at);
    await this.#startSluice();
    const pulling = Array.from({ length: clients }, () => this.#keepPulling());
    await this.#disturb(performance.now() + (this.#durationMs * 2) / 3);
    const memory = await this.#watchMemory(performance.now() + this.#durationMs / 3);
    this.#ending = true;
    await Promise.all(pulling);
    // Before anything else: what follows may fail for no other reason.
    assert.deepEqual(this.#violations.slice(0, 10), []);
    await this.#assertHealed();
    this.#forgetRequests();
    const neededBytes = this.#neededBytes();
    return {
      events: Object.fromEntries(this.#events),
      answers: Object.fromEntries(this.#answers),
      hits: this.#hits,
      upstreamBytes: this.#honestSentBytes,
      neededBytes,
      memory,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending = true;
    await this.#sluice?.[Symbol.asyncDispose]();
    await this.#resources.disposeAsync();
  }

  // What is done to it.

  async #disturb(untilMs: number): Promise<void> {
    const events: readonly (readonly [Event, everyMs: number])[] = [
      ["kill", 45_000],
      ["reload", 8_000],
      ["outage", 20_000],
      ["pause", 30_000],
      ["clock", 15_000],
      ["tag", 5_000],
    ];
    const due = new Map(events.map(([event, everyMs]) => [event, this.#soon(everyMs)]));
    while (performance.now() < untilMs && this.#violations.length === 0) {
      await delay(250);
      this.#addItem();
      this.#forgetRequests();
      for (const [event, everyMs] of events) {
        if (performance.now() < (due.get(event) ?? 0)) continue;
        due.set(event, this.#soon(everyMs));
        this.#count(this.#events, event);
        await this.#do(event);
      }
    }
    await this.#clock?.set(0);
  }

  async #do(event: Event): Promise<void> {
    switch (event) {
      case "kill":
        return await this.#kill();
      case "reload":
        return await this.#reload();
      case "outage":
        return await this.#outage(this.#random.pick(this.#upstreams));
      case "pause":
        return await this.#pause();
      case "clock":
        return await this.#clock?.set(
          this.#random.pick([0, 3600, -3600, 86_400, -30 * 86_400, 400 * 86_400]),
        );
      case "tag":
        return this.#moveTag(this.#random.between(0, upstreamNames.length - 1));
    }
  }

  async #kill(): Promise<void> {
    const sluice = this.#running();
    this.#sluice = null;
    this.#lose(this.#underway);
    sluice.kill("SIGKILL");
    assert.deepEqual(await sluice.exit(), { code: null, signal: "SIGKILL" });
    this.#assertQuiet(sluice);
    this.#lastKillMs = performance.now();
    assert.deepEqual((await auditStore(this.#directory)).faults, []);
    await this.#startSluice();
  }

  /** Every third time there is nothing but a mistake in it; else timeouts change, which builds upstreams anew. */
  async #reload(): Promise<void> {
    const { configFile } = this.#running();
    const text = await readFile(configFile, "utf8");
    const settings = { ...JSON.parse(text), upstreams: this.#settings() };
    const next = this.#random.between(0, 2) === 0 ? "upstreams: {" : JSON.stringify(settings);
    await replaceFile(configFile, next);
    this.#running().kill("SIGHUP");
    await delay(200);
    await replaceFile(configFile, text);
  }

  async #outage(upstream: FaultUpstream): Promise<void> {
    this.#lose(this.#underway);
    await upstream.down();
    await delay(this.#random.between(100, 4_000));
    await upstream.up();
  }

  async #pause(): Promise<void> {
    const sluice = this.#running();
    sluice.kill("SIGSTOP");
    await delay(this.#random.between(100, 3_000));
    sluice.kill("SIGCONT");
  }

  #moveTag(at: number): void {
    const manifest = manifestOfBytes(`${this.#seed} ${this.#random.next()}`);
    const name = upstreamNames[at] ?? "";
    const known = this.#tagBytes.get(name) ?? new Set();
    this.#tagBytes.set(name, known.add(manifest.bytes.toString()));
    this.#upstreams[at]?.tag("latest", manifest);
  }

  #addItem(): void {
    const [names, honest] = [Object.keys(faults), this.#random.between(0, 1) === 0];
    const picked = this.#random.pick(honest ? honestFaults : names);
    const fault = slow.test(picked) && this.#random.between(0, 3) > 0 ? "good" : picked;
    const upstream = this.#random.between(0, upstreamNames.length - 1);
    const sizeBytes = this.#random.sizeBetween(1, largestBytes);
    const content = this.#upstreams[upstream]?.blob(
      `${this.#seed} ${this.#items.length}`,
      sizeBytes,
    );
    if (content) this.#items.push({ content, fault, upstream, hitMs: null });
  }

  async #startSluice(): Promise<void> {
    const sluice = await SluiceProcess.start({
      upstreams: this.#settings(),
      directory: this.#directory,
      // A line for each request of an hour is more than a string of ours may be long.
      settings: { freshness: { ttl: "1s", staleWhileRevalidate: "1s" }, log: { level: "error" } },
      env: this.#clock?.env ?? {},
    });
    await eventually("what a killed one left is swept away", async () => {
      return (await auditStore(this.#directory)).temporary.length === 0;
    });
    this.#sluice = sluice;
  }

  #settings(): Settings {
    const bodyIdle = `${this.#random.between(1_000, 1_500)}ms`;
    const timeouts = { connect: "2s", headers: "1s", bodyIdle };
    return Object.fromEntries(
      upstreamNames.map((name, at) => [
        name,
        { endpoints: [this.#upstreams[at]?.url], default: at === 0, timeouts },
      ]),
    );
  }

  // What is asked of it.

  async #keepPulling(): Promise<void> {
    while (!this.#ending) {
      const sluice = this.#sluice;
      if (!sluice) {
        await delay(20);
        continue;
      }
      try {
        if (this.#random.between(0, 9) === 0) await this.#pullTag(sluice);
        else await this.#pullItem(sluice, this.#random.pick(this.#items));
      } catch (error) {
        this.#violations.push(error instanceof Error ? error.message : String(error));
      }
    }
  }

  async #pullItem(sluice: SluiceProcess, item: Item): Promise<void> {
    const request = this.#requestFor(item);
    const [beganMs, hitMs] = [performance.now(), item.hitMs];
    const leaves = this.#random.between(0, 9) === 0;
    using client = new CheckingClient(sluice.url, request, longestPullMs);
    if (item.hitMs === null) this.#underway.add(item);
    if (leaves) {
      await client.when(() => true).catch(() => {});
      this.#lose([item]);
      return assertNeverWrong(client.answer, request, { brokenOff: true });
    }
    const answer = await client.end();
    this.#underway.delete(item);
    assertNeverWrong(answer, request, { brokenOff: this.#sluice !== sluice });
    this.#count(this.#answers, answer.complete ? String(answer.status) : "cut");
    if (isHit(answer)) {
      this.#hits++;
      item.hitMs = performance.now();
    } else if (hitMs !== null && this.#sluice === sluice && sluice.running) {
      this.#assertMayBeLost({ item, answer, hitMs, beganMs });
    }
  }

  /** What was a hit stays one: rows are written behind answers, but not five seconds. */
  #assertMayBeLost(lost: {
    readonly item: Item;
    readonly answer: CheckedAnswer;
    readonly hitMs: number;
    readonly beganMs: number;
  }): void {
    const { item, answer, hitMs, beganMs } = lost;
    if (!honestFaults.includes(item.fault) || beganMs < this.#lastKillMs) return;
    if (hitMs < this.#lastKillMs && hitMs > this.#lastKillMs - 5_000) return;
    const { status, complete, headers, text } = answer;
    const said = JSON.stringify({ status, complete, headers, text: text.toString() });
    this.#violations.push(`${item.fault} ${item.content.digest} was a hit, and then: ${said}`);
  }

  #requestFor({ content, fault, upstream }: Item): CheckedRequest {
    const { sizeBytes, digest } = content;
    const target = `/v2/${upstreamNames[upstream]}/${fault}/app/blobs/${digest}`;
    const common = { target, truth: content, lie: lieOf(fault, content) };
    const first = this.#random.between(0, sizeBytes - 1);
    switch (this.#random.between(0, 9)) {
      case 0:
        return { ...common, method: "HEAD" };
      case 1:
        return { ...common, headers: { range: `bytes=${first}-` } };
      case 2:
        // Which is answered before all has come, so that a lie is not known for one yet.
        if (common.lie !== content) return common;
        return { ...common, headers: { range: `bytes=${first}-${first + 1000}` } };
      default:
        return common;
    }
  }

  async #pullTag(sluice: SluiceProcess): Promise<void> {
    const name = this.#random.pick(upstreamNames);
    const answer = await rawRequest(sluice.url, "GET", `/v2/${name}/good/app/manifests/latest`);
    this.#count(this.#answers, `tag ${answer.complete ? answer.status : "cut"}`);
    if (answer.status !== 200 || !answer.complete) return;
    assert.equal(answer.headers["docker-content-digest"], digestOf(answer.body));
    assert.ok(this.#tagBytes.get(name)?.has(answer.body.toString()), `${name} never was that`);
  }

  // What must hold.

  async #watchMemory(untilMs: number): Promise<TurmoilMemory> {
    const sluice = this.#running();
    const samples: number[] = [];
    while (performance.now() < untilMs && this.#violations.length === 0) {
      await delay(1_000);
      this.#forgetRequests();
      samples.push(await heldBytes(sluice));
    }
    const third = Math.ceil(samples.length / 3);
    // The first third is not looked at: a process that has just been started grows until its caches are full.
    const [before = 0, after = 0] = [samples.slice(third, -third), samples.slice(-third)].map(
      (part) => inMiB(Math.min(...part)),
    );
    return { held: { before, after }, residentPeak: inMiB((await footprintOf(sluice)).peakBytes) };
  }

  /** All upstreams are well: everything comes whole, whatever was wrong with it, and is a hit then. */
  async #assertHealed(): Promise<void> {
    const sluice = this.#running();
    for (const upstream of this.#upstreams) upstream.heal();
    for (const item of this.#items) {
      let last: CheckedAnswer | null = null;
      const look = async () => {
        last = await this.#plainPull(sluice, item);
        return last.complete;
      };
      const what = () => `${item.fault} is whole, and not ${JSON.stringify(last)}`;
      await eventually(what, look, limitedForMs);
    }
    for (const item of this.#items) {
      await eventually(`${item.fault} is a hit`, () => this.#isStored(sluice, item), 10_000);
    }
    await eventually("nothing is left over", async () => {
      const { temporary, faults } = await auditStore(this.#directory);
      assert.deepEqual(faults, []);
      return temporary.length === 0;
    });
    for (const upstream of this.#upstreams) upstream.closeIdle();
    await eventually("descriptors and timers are few", async () => {
      const { descriptors, timers } = await footprintOf(sluice);
      return descriptors < 60 && timers < 20;
    });
    this.#assertQuiet(sluice);
  }

  async #isStored(sluice: SluiceProcess, item: Item): Promise<boolean> {
    return isHit(await this.#plainPull(sluice, item));
  }

  async #plainPull(sluice: SluiceProcess, item: Item): Promise<CheckedAnswer> {
    const { content, fault, upstream } = item;
    const target = `/v2/${upstreamNames[upstream]}/${fault}/app/blobs/${content.digest}`;
    const request = { target, truth: content };
    using client = new CheckingClient(sluice.url, request, longestPullMs);
    const answer = await client.end();
    assertNeverWrong(answer, request);
    return { ...answer, complete: answer.status === 200 && answer.complete };
  }

  #assertQuiet(sluice: SluiceProcess): void {
    assert.equal(sluice.stderr, "");
    const broken = sluice.log.filter(
      ({ msg, level }) => level === "fatal" || msg === "request failed",
    );
    assert.deepEqual(broken.slice(0, 3), []);
  }

  #neededBytes(): number {
    return this.#items
      .filter(({ fault }) => honestFaults.includes(fault))
      .reduce((sum, { content }) => sum + content.sizeBytes, this.#lostBytes);
  }

  /** May have to be asked for once more. A fill that clients have left goes on, and counts as on its way for good. */
  #lose(items: Iterable<Item>): void {
    for (const { fault, hitMs, content } of items) {
      if (hitMs === null && honestFaults.includes(fault)) this.#lostBytes += content.sizeBytes;
    }
  }

  /** What was asked long ago is counted and forgotten: it would be most of the memory, and slows each request down. */
  #forgetRequests(): void {
    const honest = new RegExp(`^/(v2|signed)/(${honestFaults.join("|")})/`);
    const untilMs = this.#ending ? Infinity : performance.now() - 15_000;
    for (const { requests } of this.#upstreams) {
      const old = requests.findIndex(({ atMs }) => atMs > untilMs);
      for (const { target, sentBytes } of requests.splice(0, old < 0 ? requests.length : old)) {
        if (honest.test(target)) this.#honestSentBytes += sentBytes;
      }
    }
  }

  #running(): SluiceProcess {
    assert.ok(this.#sluice?.running, "the daemon runs");
    return this.#sluice;
  }

  #soon(everyMs: number): number {
    return performance.now() + everyMs * (0.5 + this.#random.next());
  }

  #count(counts: Map<string, number>, what: string): void {
    counts.set(what, (counts.get(what) ?? 0) + 1);
  }
}

function isHit({ status, headers }: CheckedAnswer): boolean {
  return (status === 200 || status === 206) && headers["cache-status"] === "sluice; hit";
}

/** What the JavaScript of the main thread holds, garbage included. */
async function heldBytes(sluice: SluiceProcess): Promise<number> {
  const text = (await ask(`${sluice.adminUrl}/metrics`)).bytes.toString();
  const [heap, external] = ["nodejs_heap_size_used_bytes", "nodejs_external_memory_bytes"].map(
    (name) => Number(new RegExp(`^${name} (\\S+)$`, "m").exec(text)?.[1]),
  );
  return (heap ?? Number.NaN) + (external ?? Number.NaN);
}

function inMiB(bytes: number): number {
  return Math.round(bytes / 1024 / 1024);
}

/** As an operator should: whoever reads it meanwhile reads all of one or all of the other. */
async function replaceFile(path: string, text: string): Promise<void> {
  await writeFile(`${path}.new`, text);
  await rename(`${path}.new`, path);
}
