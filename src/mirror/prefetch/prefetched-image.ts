import { acceptAny } from "../../oci/accept.ts";
import { childManifests, type Descriptor, ownContent } from "../../oci/described-manifest.ts";
import type { Digest } from "../../oci/digest.ts";
import { DistributionError } from "../../oci/distribution-error.ts";
import { isImageIndex, type Manifest } from "../../oci/manifest.ts";
import type { Reference } from "../../oci/reference.ts";
import type { AtMost } from "../../storage/at-most.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Target } from "../../upstream/upstreams.ts";
import type { BlobReader } from "../blob-reader.ts";
import type { Mirror } from "../mirror.ts";
import type { PullOutcome } from "../pull-outcome.ts";
import { type WantedPlatforms, wanted } from "./wanted-platforms.ts";

/** An image to fetch. */
export interface PrefetchedName {
  /** In full, `docker.io/library/alpine:3.20`. */
  readonly name: string;
  readonly target: Target;
  readonly reference: Reference;
}

/** A blob that is being fetched, in bytes. */
export interface BlobInFlight {
  readonly image: string;
  readonly digest: string;
  readonly doneBytes: number;
  /** null while upstream has not said. */
  readonly totalBytes: number | null;
}

/** What became of one image; sizes in bytes. */
export interface PrefetchedResult {
  readonly image: string;
  /** Of the manifest or index; null if that was not had. */
  readonly digest: string | null;
  readonly fetchedBlobs: number;
  readonly fetchedBytes: number;
  /** What was here already. */
  readonly presentBlobs: number;
  readonly presentBytes: number;
  /** Why it is not whole, in a sentence; null if it is. */
  readonly error: string | null;
}

export interface PrefetchedImageOptions {
  readonly mirror: Pick<Mirror, "pullManifest" | "pullBlob">;
  readonly name: PrefetchedName;
  readonly platforms: WantedPlatforms;
  /** Shared by all images. */
  readonly blobs: AtMost;
}

// Real manifests have some dozens of layers and real indexes some dozens of children.
const namedLimit = 1_000;

// What is read is thrown away: it is in the store by then.
const readBytes = 256 * 1024;

interface Counted {
  bytes: number;
  blobs: number;
}

/** One image that is fetched: its manifests, then the blobs that they name. */
export class PrefetchedImage {
  readonly #options: PrefetchedImageOptions;
  readonly #inFlight = new Set<{
    readonly digest: Digest;
    doneBytes: number;
    totalBytes: number;
  }>();
  readonly #fetched: Counted = { bytes: 0, blobs: 0 };
  readonly #present: Counted = { bytes: 0, blobs: 0 };
  totalBytes = 0;
  #digest: Digest | null = null;

  constructor(options: PrefetchedImageOptions) {
    this.#options = options;
  }

  get doneBytes(): number {
    return this.fetchedBytes + this.#present.bytes;
  }

  get fetchedBytes(): number {
    let bytes = this.#fetched.bytes;
    for (const { doneBytes } of this.#inFlight) bytes += doneBytes;
    return bytes;
  }

  get inFlight(): BlobInFlight[] {
    const { name } = this.#options.name;
    return [...this.#inFlight].map((blob) => ({ image: name, ...blob }));
  }

  /** Never rejects: what went wrong is in the result. */
  async fetch(signal: AbortSignal): Promise<PrefetchedResult> {
    let error: string | null = null;
    try {
      await this.#fetch(signal);
    } catch (failure) {
      error = sentenceOf(failure);
    }
    return {
      image: this.#options.name.name,
      digest: this.#digest,
      fetchedBlobs: this.#fetched.blobs,
      fetchedBytes: this.#fetched.bytes,
      presentBlobs: this.#present.blobs,
      presentBytes: this.#present.bytes,
      error,
    };
  }

  async #fetch(signal: AbortSignal): Promise<void> {
    const root = await this.#pullManifest(this.#options.name.reference, signal);
    this.#digest = root.digest;
    const blobs = blobsOf(await this.#imagesOf(root, signal));
    for (const { sizeBytes } of blobs) this.totalBytes += sizeBytes;
    const fetches = blobs.map((blob) =>
      this.#options.blobs.run(() => this.#fetchBlob(blob, signal)),
    );
    // All of them, also behind one that fails: the next try needs the others too.
    for (const outcome of await Promise.allSettled(fetches)) {
      if (outcome.status === "rejected") throw outcome.reason;
    }
  }

  /** The manifests of the wanted platforms; an image that is no index has only the one. */
  async #imagesOf(root: Manifest, signal: AbortSignal): Promise<Manifest[]> {
    if (!isImageIndex(root.mediaType)) return [root];
    const manifests = childManifests(root.bytes, namedLimit);
    const images: Manifest[] = [];
    for (const { digest } of wanted(manifests, this.#options.platforms)) {
      images.push(await this.#pullManifest({ kind: "digest", digest }, signal));
    }
    return images;
  }

  async #pullManifest(reference: Reference, signal: AbortSignal): Promise<Manifest> {
    signal.throwIfAborted();
    const { mirror, name } = this.#options;
    const { outcome, manifest } = await mirror.pullManifest(name.target, reference, acceptAny);
    assertStored(outcome);
    this.totalBytes += manifest.bytes.length;
    const counted = isFetched(outcome) ? this.#fetched : this.#present;
    counted.bytes += manifest.bytes.length;
    counted.blobs += 1;
    return manifest;
  }

  async #fetchBlob(named: Descriptor, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { mirror, name } = this.#options;
    const { outcome, blob } = await mirror.pullBlob(name.target, named.digest, signal);
    await using reader = blob;
    assertStored(outcome);
    // Nobody vouches for the size in the manifest.
    this.totalBytes += (reader.sizeBytes ?? named.sizeBytes) - named.sizeBytes;
    if (!isFetched(outcome)) {
      this.#present.bytes += reader.sizeBytes ?? 0;
      this.#present.blobs += 1;
      return;
    }
    await this.#follow(named, reader);
  }

  /** The fill goes on by itself; reading it to its end tells when that is, and what it came to. */
  async #follow({ digest, sizeBytes }: Descriptor, reader: BlobReader): Promise<void> {
    const flight = { digest, doneBytes: 0, totalBytes: reader.sizeBytes ?? sizeBytes };
    const buffer = Buffer.allocUnsafe(readBytes);
    this.#inFlight.add(flight);
    try {
      for (;;) {
        const bytes = await reader.read(buffer, flight.doneBytes);
        if (bytes === 0) break;
        flight.doneBytes += bytes;
      }
      this.#fetched.blobs += 1;
    } finally {
      this.#inFlight.delete(flight);
      this.#fetched.bytes += flight.doneBytes;
    }
  }
}

/** Config and layers, each once, but for what clients get from another place. */
function blobsOf(images: readonly Manifest[]): Descriptor[] {
  const blobs = images.flatMap(({ bytes }) => ownContent(bytes, namedLimit));
  return [...new Map(blobs.map((blob) => [blob.digest, blob])).values()];
}

/** Throws if what was pulled is not going to be here afterwards, or may not be what upstream has now. */
function assertStored(outcome: PullOutcome): void {
  if (outcome.kind === "miss" && !outcome.stored) {
    throw new DistributionError("UNAVAILABLE", "the disk has no room for it, or fails");
  }
  if (outcome.kind === "bypass") {
    throw new DistributionError("DENIED", `it is not to be stored, by ${outcome.rule}`);
  }
  if (outcome.kind === "stale") {
    throw new DistributionError("UNAVAILABLE", `${outcome.reason}; what is here may be old`);
  }
}

function isFetched({ kind }: PullOutcome): boolean {
  return kind === "miss" || kind === "collapsed";
}

function sentenceOf(error: unknown): string {
  if (error instanceof DistributionError || error instanceof UpstreamError) return error.message;
  return error instanceof Error ? error.message : String(error);
}
