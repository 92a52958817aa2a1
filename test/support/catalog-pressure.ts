import assert from "node:assert/strict";
import { mkdtempDisposable, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import Database from "better-sqlite3";
import { keyOf } from "../../src/storage/catalog/digest-key.ts";
import { Child } from "../storage/child.ts";
import { ask } from "./ask.ts";
import { checkedPull } from "./checking-client.ts";
import { eventually } from "./eventually.ts";
import { assertNeverWrong, auditStore } from "./fault-oracles.ts";
import { FaultUpstream } from "./fault-upstream.ts";
import { descriptorOf, manifestOf } from "./images.ts";
import { SeededContent } from "./seeded-content.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SluiceProcess } from "./sluice-process.ts";

/** What goes on beside the pulls. */
export type Disturbance = "nothing else" | "another process writes";

export interface PressureOptions {
  readonly seed: number;
  /** How much longer each sync of the disk takes; 0 for as long as it does. */
  readonly syncDelayMs: number;
}

/** How long pulls took, in ms. */
export interface Latencies {
  readonly pulls: number;
  readonly median: number;
  readonly p99: number;
  readonly longest: number;
}

export interface PressureReport {
  readonly latencies: Readonly<Record<string, Latencies>>;
  /** Of SQLite's log, at most. */
  readonly logBytes: number;
  /** Of the main thread's event loop since the start, in ms. */
  readonly loopLagP99: number;
  readonly evicted: number;
}

interface Image {
  readonly tag: string;
  readonly manifest: SeededContent;
  readonly blobs: readonly SeededContent[];
}

const pullsPerSecond = 200;

// Of those, which are of three parts each.
const newImages = 1 / 30;
const knownImages = 40;

/** A daemon whose catalog has a hard time while it is pulled from all the while, from one seed. */
export class CatalogPressure implements AsyncDisposable {
  readonly #random: SeededRandom;
  readonly #upstream: FaultUpstream;
  readonly #sluice: SluiceProcess;
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;
  readonly #known: Image[] = [];
  /** By tag, when its last pull began, in ms since the epoch. */
  readonly #pulledAtMs = new Map<string, number>();
  readonly #latencies = new Map<string, number[]>();
  #images = 0;
  #logBytes = 0;

  private constructor(
    seed: number,
    parts: {
      readonly upstream: FaultUpstream;
      readonly sluice: SluiceProcess;
      readonly directory: string;
    },
    resources: AsyncDisposableStack,
  ) {
    this.#random = new SeededRandom(seed);
    this.#upstream = parts.upstream;
    this.#sluice = parts.sluice;
    this.#directory = parts.directory;
    this.#resources = resources;
  }

  static async start({ seed, syncDelayMs }: PressureOptions): Promise<CatalogPressure> {
    await using resources = new AsyncDisposableStack();
    const upstream = resources.use(await FaultUpstream.start());
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "pressure-")));
    const directory = join(home.path, "storage");
    const options = {
      upstreams: { "faults.test": { endpoints: [upstream.url], default: true } },
      settings: {
        storage: { directory, maxSize: "256MiB", minFree: "1MiB" },
        log: { level: "warn" },
      },
    };
    // The schema is made in dozens of syncs.
    await (await SluiceProcess.start(options))[Symbol.asyncDispose]();
    const through = syncDelayMs > 0 ? slowSyncs(syncDelayMs) : [];
    const sluice = resources.use(await SluiceProcess.start({ ...options, through }));
    const pressure = new CatalogPressure(seed, { upstream, sluice, directory }, resources.move());
    while (pressure.#known.length < knownImages) {
      const image = pressure.#makeImage();
      await pressure.#pullImage(image, "at first");
      pressure.#known.push(image);
    }
    await pressure.#noFillRuns();
    return pressure;
  }

  /** Another process reads the catalog as it is now, until that is disposed. */
  async holdSnapshot(): Promise<Child> {
    return await Child.start("hold-snapshot", this.#directory);
  }

  async pullFor(durationMs: number, disturbance: Disturbance): Promise<void> {
    const endMs = performance.now() + durationMs;
    const isOver = (): boolean => performance.now() > endMs;
    await Promise.all([
      this.#pullUntil(isOver, disturbance),
      this.#watchLogUntil(isOver),
      this.#disturbUntil(isOver, disturbance),
    ]);
  }

  /** What must hold when all of that is over: rows and files agree, and the times of all pulls are known. */
  async assertBooks(): Promise<void> {
    await this.#noFillRuns();
    // What is shorter stays as it is and is written over.
    await eventually("no log is long", async () => (await this.#readLogBytes()) <= 32 * mib);
    await eventually("the times of all pulls are written", () => this.#areTimesWritten());
    const { faults, digests } = await auditStore(this.#directory);
    assert.deepEqual(faults, []);
    assert.equal(digests.size, (await this.#stats()).stored.blobs, "files without a row");
  }

  async report(): Promise<PressureReport> {
    const metrics = (await ask(`${this.#sluice.adminUrl}/metrics`)).bytes.toString();
    const [, lag] = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(metrics) ?? [];
    const evicted = [...metrics.matchAll(/^sluice_evicted_objects_total\{.*\} (\d+)$/gm)];
    return {
      latencies: Object.fromEntries(
        [...this.#latencies].map(([during, taken]) => [during, summaryOf(taken)]),
      ),
      logBytes: this.#logBytes,
      loopLagP99: Math.round(1000 * Number(lag)),
      evicted: evicted.reduce((sum, [, count]) => sum + Number(count), 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  /** At its rate whatever becomes of the pulls before, until one fails. */
  async #pullUntil(isOver: () => boolean, during: string): Promise<void> {
    const failures: unknown[] = [];
    const pulling: Promise<void>[] = [];
    const startMs = performance.now();
    for (let pulls = 0; !isOver() && failures.length === 0; ) {
      for (; pulls < ((performance.now() - startMs) * pullsPerSecond) / 1000; pulls++) {
        pulling.push(this.#pullSome(during).catch((error) => void failures.push(error)));
      }
      await after(1);
    }
    await Promise.all(pulling);
    if (failures.length > 0) throw failures[0];
  }

  async #pullSome(during: string): Promise<void> {
    if (this.#random.next() < newImages) await this.#pullImage(this.#makeImage(), during);
    else await this.#pullKnown(during);
  }

  async #pullKnown(during: string): Promise<void> {
    const image = this.#random.pick(this.#known);
    const part = this.#random.pick([image.manifest, ...image.blobs]);
    if (part === image.manifest) await this.#pullManifest(image, during);
    else await this.#pullBlob(part, during);
  }

  async #pullImage(image: Image, during: string): Promise<void> {
    await this.#pullManifest(image, during);
    for (const blob of image.blobs) await this.#pullBlob(blob, during);
  }

  async #pullManifest({ tag, manifest }: Image, during: string): Promise<void> {
    this.#pulledAtMs.set(tag, Date.now());
    await this.#pull(`manifests/${tag}`, manifest, during);
  }

  async #pullBlob(blob: SeededContent, during: string): Promise<void> {
    await this.#pull(`blobs/${blob.digest}`, blob, during);
  }

  async #pull(path: string, truth: SeededContent, during: string): Promise<void> {
    const request = { target: `/v2/good/app/${path}`, truth };
    const startMs = performance.now();
    const answer = await checkedPull(this.#sluice.url, request);
    const outcome = answer.headers["cache-status"] ?? "";
    const what = `${during}: ${outcome.includes("; hit") ? "hits" : "misses"} of ${path.split("/")[0]}`;
    const taken = this.#latencies.get(what) ?? [];
    taken.push(performance.now() - startMs);
    this.#latencies.set(what, taken);
    assertNeverWrong(answer, request);
    assert.ok(answer.status === 200 && answer.complete, `${path}: ${answer.status} ${answer.text}`);
  }

  #makeImage(): Image {
    const nth = this.#images++;
    const blobs = [
      this.#upstream.blob(`config ${nth}`, 4 * 1024),
      this.#upstream.blob(`layer ${nth}`, 512 * 1024),
    ];
    const described = blobs.map(({ digest, sizeBytes }) => ({
      ...descriptorOf("application/vnd.oci.image.layer.v1.tar", { digest, bytes: Buffer.alloc(0) }),
      size: sizeBytes,
    }));
    const manifest = manifestOf({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: described[0],
      layers: described.slice(1),
    });
    const tag = `v${nth}`;
    this.#upstream.tag(tag, manifest);
    return { tag, manifest: SeededContent.of(manifest.bytes), blobs };
  }

  async #watchLogUntil(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      this.#logBytes = Math.max(this.#logBytes, await this.#readLogBytes());
      await after(200);
    }
  }

  async #readLogBytes(): Promise<number> {
    return (await stat(join(this.#directory, "catalog.db-wal"))).size;
  }

  async #disturbUntil(isOver: () => boolean, disturbance: Disturbance): Promise<void> {
    switch (disturbance) {
      case "nothing else":
        return;
      case "another process writes":
        return await this.#holdWritesUntil(isOver);
    }
  }

  /** For a while each, and once for longer than the daemon waits for it. */
  async #holdWritesUntil(isOver: () => boolean): Promise<void> {
    for (let holdMs = 7_000; !isOver(); holdMs = 2_000) {
      await using _foreign = await Child.start("hold-write", this.#directory);
      await after(holdMs);
      await _foreign[Symbol.asyncDispose]();
      await after(2_000);
    }
  }

  /** Of the images that stayed, each as late as it was pulled. */
  #areTimesWritten(): boolean {
    using stack = new DisposableStack();
    const path = join(this.#directory, "catalog.db");
    const database = stack.adopt(new Database(path, { readonly: true }), (it) => it.close());
    const access = database.prepare("SELECT last_at_ms FROM accesses WHERE digest = ?").pluck();
    return this.#known.every(({ tag, manifest }) => {
      const lastAtMs = access.get(keyOf(manifest.digest));
      return lastAtMs === undefined || Number(lastAtMs) >= (this.#pulledAtMs.get(tag) ?? 0);
    });
  }

  async #noFillRuns(): Promise<void> {
    const look = async (): Promise<boolean> => (await this.#stats()).fillsInFlight === 0;
    // A slow disk has some hundred files to sync.
    await eventually("no fill runs", look, 300_000);
  }

  async #stats(): Promise<{ fillsInFlight: number; stored: { blobs: number } }> {
    const { bytes } = await ask(`${this.#sluice.adminUrl}/api/v1/stats`);
    return JSON.parse(bytes.toString());
  }
}

const mib = 1024 ** 2;

/** strace, which stops the process at no other call and is no parent of it. */
function slowSyncs(delayMs: number): string[] {
  const calls = "fsync,fdatasync";
  const inject = `inject=${calls}:delay_enter=${1000 * delayMs}`;
  return [
    "strace",
    "-D",
    "-f",
    "--seccomp-bpf",
    "-o",
    "/dev/null",
    "-e",
    `trace=${calls}`,
    "-e",
    inject,
  ];
}

function summaryOf(taken: readonly number[]): Latencies {
  const sorted = taken.toSorted((one, other) => one - other);
  const at = (share: number): number => Math.round(sorted[Math.floor(share * sorted.length)] ?? 0);
  return { pulls: sorted.length, median: at(0.5), p99: at(0.99), longest: at(1 - 1e-9) };
}
