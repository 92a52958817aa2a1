import assert from "node:assert/strict";
import { lstatSync, readdirSync, readlinkSync, type Stats, statSync } from "node:fs";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { ask } from "./ask.ts";
import { type CheckedAnswer, type CheckedRequest, CheckingClient } from "./checking-client.ts";
import { eventually } from "./eventually.ts";
import { assertNeverWrong, auditStore } from "./fault-oracles.ts";
import { FaultUpstream } from "./fault-upstream.ts";
import { descriptorOf, manifestOf } from "./images.ts";
import { SeededContent } from "./seeded-content.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SluiceProcess } from "./sluice-process.ts";

const mib = 1024 ** 2;
const clients = 16;
const samplePauseMs = 100;
const smallestLayerBytes = 64 * 1024;
const largestLayerBytes = 24 * mib;

// Of the blobs that are larger than what sockets hold, so that their readers keep a file open.
const slowFromBytes = 12 * mib;

const repositories = ["good/a", "good/b", "beside.test/good/c"];

export interface BoundedDiskOptions {
  readonly seed: number;
  /** Whether it has gone on for long enough. */
  readonly isOver: (progress: BoundedDiskProgress) => boolean;
  readonly limitMib: number;
  /** Of all that can be pulled. */
  readonly setBytes: number;
}

export interface BoundedDiskProgress {
  readonly pulls: number;
  /** Pulls of clients that read nothing for a while. */
  readonly slow: number;
  readonly passedMs: number;
}

/** What a run has seen. */
export interface BoundedDiskReport {
  readonly pulls: number;
  readonly hits: number;
  readonly unstored: number;
  readonly slow: number;
  readonly samples: number;
  readonly highestBytes: number;
  readonly evicted: number;
}

interface Image {
  readonly tag: string;
  readonly manifest: SeededContent;
  readonly layers: readonly SeededContent[];
}

/**
 * Many clients pull far more than fits, by three repositories of two upstreams, some slowly and some in part. What lies
 * on the disk, removed files that are still open among it, is never more than `storage.maxSize`; every pull is right
 * and whole; at the end the catalog's totals are the files.
 */
export async function boundedDisk(options: BoundedDiskOptions): Promise<BoundedDiskReport> {
  await using run = await BoundedDisk.start(options);
  await run.pullUntil(options.isOver);
  await run.assertAccounts();
  await run.pullOversized();
  return await run.report();
}

class BoundedDisk implements AsyncDisposable {
  readonly #limitBytes: number;
  readonly #random: SeededRandom;
  readonly #images: Image[] = [];
  readonly #upstreams: readonly FaultUpstream[];
  readonly #sluice: SluiceProcess;
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;
  readonly #counts = { pulls: 0, hits: 0, unstored: 0, slow: 0, samples: 0, highestBytes: 0 };

  private constructor(
    options: BoundedDiskOptions,
    parts: {
      readonly upstreams: readonly FaultUpstream[];
      readonly sluice: SluiceProcess;
      readonly directory: string;
    },
    resources: AsyncDisposableStack,
  ) {
    this.#limitBytes = options.limitMib * mib;
    this.#random = new SeededRandom(options.seed);
    this.#upstreams = parts.upstreams;
    this.#sluice = parts.sluice;
    this.#directory = parts.directory;
    this.#resources = resources;
    this.#makeImages(options);
  }

  static async start(options: BoundedDiskOptions): Promise<BoundedDisk> {
    await using resources = new AsyncDisposableStack();
    const upstream = resources.use(await FaultUpstream.start());
    const beside = resources.use(await FaultUpstream.start());
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "bounded-")));
    const directory = join(home.path, "storage");
    const sluice = resources.use(
      await SluiceProcess.start({
        upstreams: {
          "faults.test": { endpoints: [upstream.url], default: true },
          "beside.test": { endpoints: [beside.url] },
        },
        settings: { storage: { directory, maxSize: `${options.limitMib}MiB`, minFree: "1MiB" } },
      }),
    );
    const parts = { upstreams: [upstream, beside], sluice, directory };
    return new BoundedDisk(options, parts, resources.move());
  }

  async pullUntil(isEnough: BoundedDiskOptions["isOver"]): Promise<void> {
    const startMs = performance.now();
    const isOver = (): boolean => {
      return isEnough({ ...this.#counts, passedMs: performance.now() - startMs });
    };
    const pulling = Array.from({ length: clients }, async () => {
      while (!isOver()) await this.#pullImage();
    });
    await Promise.all([...pulling, this.#watch(isOver)]);
  }

  async assertAccounts(): Promise<void> {
    const stored = await eventually("no fill runs", async () => {
      const stats = await this.#stats();
      return stats.fillsInFlight === 0 && stats.stored;
    });
    const { faults, digests, temporary } = await auditStore(this.#directory);
    assert.deepEqual(faults, []);
    assert.deepEqual(temporary, []);
    assert.equal(digests.size, stored.blobs, "files without a row");
  }

  /** It evicts nothing, and is whole. */
  async pullOversized(): Promise<void> {
    const content = SeededContent.unkept("larger than the bound", this.#limitBytes + 50 * mib);
    for (const upstream of this.#upstreams) upstream.offer(content);
    const before = await this.#stats();
    await this.#pull(`/v2/good/a/blobs/${content.digest}`, content);
    assert.deepEqual((await this.#stats()).stored.blobs, before.stored.blobs);
    this.#sample();
  }

  async report(): Promise<BoundedDiskReport> {
    const metrics = (await ask(`${this.#sluice.adminUrl}/metrics`)).bytes.toString();
    const lines = metrics.matchAll(/^sluice_evicted_objects_total\{.*\} (\d+)$/gm);
    const evicted = [...lines].reduce((sum, [, count]) => sum + Number(count), 0);
    return { ...this.#counts, evicted };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #makeImages({ seed, setBytes }: BoundedDiskOptions): void {
    const layers: SeededContent[] = [];
    for (let madeBytes = 0; madeBytes < setBytes; ) {
      const layer = SeededContent.unkept(`${seed} ${layers.length}`, this.#layerBytes());
      for (const upstream of this.#upstreams) upstream.offer(layer);
      layers.push(layer);
      madeBytes += layer.sizeBytes;
      if (layers.length % 3 === 0) this.#addImage([...layers.slice(-3), this.#random.pick(layers)]);
    }
  }

  #layerBytes(): number {
    return this.#random.sizeBetween(smallestLayerBytes, largestLayerBytes);
  }

  #addImage(layers: readonly SeededContent[]): void {
    const type = "application/vnd.oci.image.layer.v1.tar";
    const described = layers.map(({ digest, sizeBytes }) => ({
      ...descriptorOf(type, { digest, bytes: Buffer.alloc(0) }),
      size: sizeBytes,
    }));
    const manifest = manifestOf({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      config: described[0],
      layers: described,
    });
    const tag = `v${this.#images.length}`;
    for (const upstream of this.#upstreams) upstream.tag(tag, manifest);
    this.#images.push({ tag, manifest: SeededContent.of(manifest.bytes), layers });
  }

  /** As a client does, of what is asked for more often the lower its number is. */
  async #pullImage(): Promise<void> {
    const at = Math.floor(this.#random.next() ** 2 * this.#images.length);
    const image = this.#images[at];
    assert.ok(image);
    const base = `/v2/${this.#random.pick(repositories)}`;
    await this.#pull(`${base}/manifests/${image.tag}`, image.manifest);
    for (const layer of image.layers) await this.#pullLayer(`${base}/blobs/${layer.digest}`, layer);
  }

  async #pullLayer(target: string, layer: SeededContent): Promise<void> {
    const chance = this.#random.next();
    const first = this.#random.between(0, layer.sizeBytes - 1);
    if (chance < 0.15) await this.#pull(target, layer, { range: `bytes=${first}-` });
    else if (chance < 0.5 && layer.sizeBytes >= slowFromBytes)
      await this.#pullSlowly(target, layer);
    else await this.#pull(target, layer);
  }

  async #pull(
    target: string,
    truth: SeededContent,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<void> {
    const request = { target, truth, headers };
    using client = new CheckingClient(this.#sluice.url, request);
    this.#judge(await client.end(), request);
  }

  /** Reads nothing for a while, in which much is evicted. */
  async #pullSlowly(target: string, truth: SeededContent): Promise<void> {
    const request = { target, truth };
    using client = new CheckingClient(this.#sluice.url, request);
    await client.when(({ bodyBytes }) => bodyBytes > 0);
    client.pause();
    await after(this.#random.between(1000, 6000));
    client.resume();
    this.#counts.slow++;
    this.#judge(await client.end(), request);
  }

  #judge(answer: CheckedAnswer, request: CheckedRequest): void {
    assertNeverWrong(answer, request);
    const { status, complete, text } = answer;
    const story = `${request.target} ${JSON.stringify(request.headers)} ${status} ${text}`;
    assert.ok((status === 200 || status === 206) && complete, story);
    const outcome = answer.headers["cache-status"] ?? "";
    this.#counts.pulls++;
    if (outcome.includes("; hit")) this.#counts.hits++;
    else if (!outcome.includes("stored") && !outcome.includes("collapsed")) this.#counts.unstored++;
  }

  async #watch(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      this.#sample();
      await after(samplePauseMs);
    }
  }

  #sample(): void {
    const bytes = allocatedBelow(this.#directory, this.#sluice.pid);
    this.#counts.samples++;
    this.#counts.highestBytes = Math.max(this.#counts.highestBytes, bytes);
    assert.ok(bytes <= this.#limitBytes, `${bytes} bytes lie on the disk`);
  }

  async #stats(): Promise<{ fillsInFlight: number; stored: { blobs: number; usedBytes: number } }> {
    const { bytes } = await ask(`${this.#sluice.adminUrl}/api/v1/stats`);
    return JSON.parse(bytes.toString());
  }
}

/** The space of all files and directories there, and of removed ones that the process has open. */
function allocatedBelow(directory: string, pid: number): number {
  const spaces = new Map<number, number>();
  // What was seen first counts: what arrives later is looked at first, and content goes from `ingest` to `blobs`.
  const note = ({ ino, blocks }: Stats): void => {
    if (!spaces.has(ino)) spaces.set(ino, blocks * 512);
  };
  for (const name of ["ingest", "blobs", "trash", "."])
    walk(join(directory, name), note, name !== ".");
  for (const fd of orNothing(() => readdirSync(`/proc/${pid}/fd`)) ?? []) {
    const path = `/proc/${pid}/fd/${fd}`;
    const target = orNothing(() => readlinkSync(path)) ?? "";
    if (!target.startsWith(`${directory}/`) || !target.endsWith(" (deleted)")) continue;
    const status = orNothing(() => statSync(path));
    if (status) note(status);
  }
  return [...spaces.values()].reduce((sum, bytes) => sum + bytes, 0);
}

function walk(directory: string, note: (status: Stats) => void, deep: boolean): void {
  for (const entry of orNothing(() => readdirSync(directory, { withFileTypes: true })) ?? []) {
    const path = join(directory, entry.name);
    const status = orNothing(() => lstatSync(path));
    if (status) note(status);
    if (deep && entry.isDirectory()) walk(path, note, deep);
  }
}

/** It may have gone meanwhile. */
function orNothing<T>(look: () => T): T | null {
  try {
    return look();
  } catch {
    return null;
  }
}
