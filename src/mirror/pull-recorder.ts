import { imageContent } from "../oci/described-manifest.ts";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Catalog } from "../storage/catalog.ts";
import type { DiskBudget } from "../storage/disk-budget.ts";
import type { StoredObject } from "../storage/eviction/eviction.ts";
import type { PullRecord } from "../storage/images/logged-pulls.ts";
import type { Log } from "../telemetry/log.ts";

export interface PullRecorderTools {
  readonly catalog: Catalog;
  readonly budget: DiskBudget;
  readonly log: Log;
  readonly now: () => number;
}

/** Pulls in their order, and the manifest of each image among them. */
export interface NotedPulls {
  readonly pulls: readonly { readonly image: Digest; readonly atMs: number }[];
  readonly manifests: ReadonlyMap<Digest, Manifest>;
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

// While the catalog's log is long: a quarter of an hour of 200 a second, 10 MB.
const heldPullsLimit = 200_000;

// With the images that come with them, and the old ones that go, a transaction stays at some hundreds of rows.
const batchPulls = 50;

/** The log of pulls: noted here, and written when told. */
export class PullRecorder {
  readonly #tools: PullRecorderTools;
  #pulls: { readonly image: Digest; readonly atMs: number }[] = [];
  #manifests = new Map<Digest, Manifest>();
  #manifestsBytes = 0;

  constructor(tools: PullRecorderTools) {
    this.#tools = tools;
  }

  /** A client pulls the image of this manifest now. Nothing is read or parsed for it here: a hit must not wait. */
  note(manifest: Manifest): void {
    const { digest, bytes } = manifest;
    this.#pulls.push({ image: digest, atMs: this.#tools.now() });
    if (this.#manifests.has(digest)) return;
    this.#manifests.set(digest, manifest);
    this.#manifestsBytes += bytes.length;
  }

  /** Whether what is noted should be written soon. */
  get isFull(): boolean {
    return this.#pulls.length >= pullsLimit || this.#manifestsBytes >= manifestsLimitBytes;
  }

  /** The same while writing shall wait if it can. */
  get isOverfull(): boolean {
    return this.#pulls.length >= heldPullsLimit || this.#manifestsBytes >= 2 * manifestsLimitBytes;
  }

  /** Hands out what was noted, and begins anew. */
  take(): NotedPulls {
    const taken = { pulls: this.#pulls, manifests: this.#manifests };
    this.#pulls = [];
    this.#manifests = new Map();
    this.#manifestsBytes = 0;
    return taken;
  }

  /** Resolves when they are in the log, or could not be written. */
  async write({ pulls, manifests }: NotedPulls): Promise<void> {
    const { catalog, log, now } = this.#tools;
    const bounds = { pulls: keptPulls, images: keptImages, sinceMs: now() - keptMs };
    for (let at = 0; at < pulls.length; at += batchPulls) {
      try {
        const batch = pulls.slice(at, at + batchPulls);
        // One after the other: what the log knows now could be let go of by a batch before this one.
        await catalog.recordPulls(await this.#recordsOf(batch, manifests), bounds);
      } catch (err) {
        log.error({ err }, "pulls could not be logged");
      }
    }
  }

  async #recordsOf(
    pulls: NotedPulls["pulls"],
    manifests: NotedPulls["manifests"],
  ): Promise<PullRecord[]> {
    const members = new Map<Digest, readonly StoredObject[] | null>();
    for (const { image } of pulls) {
      const manifest = manifests.get(image);
      if (manifest && !members.has(image)) members.set(image, await this.#membersIfNew(manifest));
    }
    return pulls.map((pull) => ({ ...pull, members: members.get(pull.image) ?? null }));
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
