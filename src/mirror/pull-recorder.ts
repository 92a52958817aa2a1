import { imageContent } from "../oci/described-manifest.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Catalog } from "../storage/catalog.ts";
import type { DiskBudget } from "../storage/disk-budget.ts";
import type { StoredObject } from "../storage/eviction/eviction.ts";
import type { PullBatch, PulledImage } from "../storage/images/logged-pulls.ts";
import type { Log } from "../telemetry/log.ts";

export interface PullRecorderTools {
  readonly catalog: Catalog;
  readonly budget: DiskBudget;
  readonly log: Log;
  readonly now: () => number;
}

/** Pulls in their order. */
export interface NotedPulls {
  /** In ms since the epoch. */
  readonly atMs: readonly number[];
  /** Of the image of each. */
  readonly manifests: readonly Manifest[];
}

// A week is what most repeats in; a month has four of them. A million pulls are one every 2.6 seconds of it, and take
// 20 MB. What an image names takes some 200 bytes beside that.
const keptMs = 30 * 86_400_000;
const keptPulls = 1_000_000;
const keptImages = 100_000;

// overlayfs takes 128 layers. A manifest may name 50,000, and would take as much room in the log as a hundred images.
const membersLimit = 256;

// What is held until it is written: it is little, unless somebody pulls manifests of megabytes.
const pullsLimit = 10_000;
const manifestsLimitBytes = 16 * 1024 * 1024;

// While the catalog's log is long, or a write hangs: a quarter of an hour of 200 a second, 10 MB.
const heldPullsLimit = 200_000;

// With the images that come with them, and the old ones that go, a transaction stays at some hundreds of rows.
const batchPulls = 150;

/** The log of pulls: noted here, and written when told. */
export class PullRecorder {
  readonly #tools: PullRecorderTools;
  #atMs: number[] = [];
  #manifests: Manifest[] = [];
  /** Each of them once. */
  #images = new Map<Digest, Manifest>();
  #manifestsBytes = 0;

  constructor(tools: PullRecorderTools) {
    this.#tools = tools;
  }

  /** A client pulls the image of this manifest now. Nothing is read or parsed for it here: a hit must not wait. */
  note(manifest: Manifest): void {
    this.#atMs.push(this.#tools.now());
    this.#manifests.push(this.#images.get(manifest.digest) ?? this.#add(manifest));
  }

  /** Whether what is noted should be written soon. */
  get isFull(): boolean {
    return this.#atMs.length >= pullsLimit || this.#manifestsBytes >= manifestsLimitBytes;
  }

  /** The same while writing shall wait if it can; no more is to be noted then. */
  get isOverfull(): boolean {
    return this.#atMs.length >= heldPullsLimit || this.#manifestsBytes >= 2 * manifestsLimitBytes;
  }

  /** Hands out what was noted, and begins anew. */
  take(): NotedPulls {
    const taken = { atMs: this.#atMs, manifests: this.#manifests };
    this.#atMs = [];
    this.#manifests = [];
    this.#images = new Map();
    this.#manifestsBytes = 0;
    return taken;
  }

  /** Resolves when they are in the log, or could not be written. */
  async write(noted: NotedPulls): Promise<void> {
    const { catalog, log, now } = this.#tools;
    const bounds = { pulls: keptPulls, images: keptImages, sinceMs: now() - keptMs };
    for (let at = 0; at < noted.atMs.length; at += batchPulls) {
      try {
        // One after the other: what the log knows now could be let go of by a batch before this one.
        await catalog.recordPulls(await this.#batchFrom(at, noted), bounds);
      } catch (err) {
        log.error({ err }, "pulls could not be logged");
      }
    }
  }

  #add(manifest: Manifest): Manifest {
    this.#images.set(manifest.digest, manifest);
    this.#manifestsBytes += manifest.bytes.length;
    return manifest;
  }

  async #batchFrom(begin: number, noted: NotedPulls): Promise<PullBatch> {
    const atMs = noted.atMs.slice(begin, begin + batchPulls);
    const manifests = noted.manifests.slice(begin, begin + batchPulls);
    const pulled = [...new Set(manifests)];
    const images: PulledImage[] = [];
    for (const manifest of pulled) {
      images.push({ digest: manifest.digest, members: await this.#membersIfNew(manifest) });
    }
    const imageOf = Uint32Array.from(manifests, (manifest) => pulled.indexOf(manifest));
    return { atMs: Float64Array.from(atMs), imageOf, images };
  }

  async #membersIfNew(manifest: Manifest): Promise<readonly StoredObject[] | null> {
    const { catalog, budget } = this.#tools;
    if (await catalog.isPulledImage(manifest.digest)) return null;
    const { limitBytes } = await budget.usage();
    const { digest, bytes } = manifest;
    const members: StoredObject[] = [{ digest, sizeBytes: bytes.length }];
    for (const content of imageContent(bytes, membersLimit)) {
      const stored = await catalog.blob(content.digest);
      // What a manifest says of sizes is a hint, and one that is absurd would be all that a replay shows.
      const sizeBytes = stored?.sizeBytes ?? Math.min(content.sizeBytes, limitBytes);
      members.push({ digest: content.digest, sizeBytes });
    }
    return members;
  }
}
