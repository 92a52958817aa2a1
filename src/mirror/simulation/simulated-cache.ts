import { Heap } from "../../storage/eviction/heap.ts";
import type { PulledImage } from "../eviction/eviction-policy.ts";
import type { LoggedBlob, LoggedImage, LoggedPull } from "./pull-log.ts";

export interface CacheBounds {
  /** What is stored never exceeds it. */
  readonly limitBytes: number;
  /** What would pass this share of the limit has images evicted first. */
  readonly highWatermark: number;
  /** That goes on until this share of the limit is not passed. */
  readonly lowWatermark: number;
}

/** The priority of the image of a pull. */
export type Ranking = (image: PulledImage, pull: LoggedPull) => number;

/** What a cache made of a log of pulls. */
export interface ReplayResult {
  readonly pulls: number;
  /** Pulls of which all that was asked for was stored. */
  readonly imageHits: number;
  readonly blobHits: number;
  readonly hitBytes: number;
  readonly blobMisses: number;
  /** What upstream had to send. */
  readonly missBytes: number;
  readonly evictedImages: number;
  readonly evictedBytes: number;
  /** The most that was stored at any time. */
  readonly highestBytes: number;
}

/** A cache of which only the books are kept: what it would have stored, evicted and had to ask for. */
export class SimulatedCache {
  readonly #bounds: CacheBounds;
  readonly #ranking: Ranking;
  readonly #images: (CachedImage | undefined)[] = [];
  readonly #blobs: CachedBlob[] = [];
  /** Images in the order in which they go. */
  readonly #queue = new Heap<CachedImage>(goesBefore, (image, place) => {
    image.place = place;
  });
  readonly #counts = { ...nothing };
  #storedBytes = 0;
  #floor = 0;

  constructor(bounds: CacheBounds, ranking: Ranking) {
    this.#bounds = bounds;
    this.#ranking = ranking;
  }

  get result(): ReplayResult {
    return { ...this.#counts };
  }

  pull(pull: LoggedPull): void {
    const image = this.#hold(pull.image);
    // What is being pulled is not evicted to make room for itself.
    this.#queue.remove(image, image.place);
    const missesBefore = this.#counts.blobMisses;
    for (const blob of pull.asked) this.#ask(blob);
    this.#counts.pulls += 1;
    if (this.#counts.blobMisses === missesBefore) this.#counts.imageHits += 1;
    this.#rank(image, pull);
    this.#queue.add(image);
  }

  /** Each member counts the cached images that name it, so nothing is ever searched for who else does. */
  #hold(image: LoggedImage): CachedImage {
    const held = this.#images[image.id] ?? new CachedImage(image);
    this.#images[image.id] = held;
    for (; held.namedMembers < image.members.length; held.namedMembers += 1) {
      const member = image.members[held.namedMembers];
      if (member) this.#blob(member).namedBy += 1;
    }
    return held;
  }

  #ask(logged: LoggedBlob): void {
    const blob = this.#blob(logged);
    if (blob.stored) {
      this.#counts.blobHits += 1;
      this.#counts.hitBytes += logged.sizeBytes;
      return;
    }
    this.#counts.blobMisses += 1;
    this.#counts.missBytes += logged.sizeBytes;
    this.#store(blob, logged.sizeBytes);
  }

  #store(blob: CachedBlob, sizeBytes: number): void {
    const { limitBytes } = this.#bounds;
    if (sizeBytes > limitBytes) return;
    this.#makeRoom(sizeBytes);
    if (this.#storedBytes + sizeBytes > limitBytes) return;
    blob.stored = true;
    this.#storedBytes += sizeBytes;
    this.#counts.highestBytes = Math.max(this.#counts.highestBytes, this.#storedBytes);
  }

  #makeRoom(sizeBytes: number): void {
    const { limitBytes, highWatermark, lowWatermark } = this.#bounds;
    if (this.#storedBytes + sizeBytes <= highWatermark * limitBytes) return;
    while (this.#storedBytes + sizeBytes > lowWatermark * limitBytes) {
      const first = this.#queue.takeFirst();
      if (!first) return;
      this.#evict(first);
    }
  }

  #evict({ image, priority }: CachedImage): void {
    this.#images[image.id] = undefined;
    this.#floor = priority;
    this.#counts.evictedImages += 1;
    for (const member of image.members) this.#letGo(member);
  }

  #letGo(member: LoggedBlob): void {
    const blob = this.#blob(member);
    blob.namedBy -= 1;
    if (blob.namedBy > 0 || !blob.stored) return;
    blob.stored = false;
    this.#storedBytes -= member.sizeBytes;
    this.#counts.evictedBytes += member.sizeBytes;
  }

  #rank(held: CachedImage, pull: LoggedPull): void {
    held.pulls += 1;
    held.pulledAt = pull.ordinal;
    const { pulls, image } = held;
    const pulled = { atMs: pull.atMs, pulls, sizeBytes: image.sizeBytes, floor: this.#floor };
    held.priority = this.#ranking(pulled, pull);
  }

  #blob({ id }: LoggedBlob): CachedBlob {
    const blob = this.#blobs[id] ?? { stored: false, namedBy: 0 };
    this.#blobs[id] = blob;
    return blob;
  }
}

const nothing = {
  pulls: 0,
  imageHits: 0,
  blobHits: 0,
  hitBytes: 0,
  blobMisses: 0,
  missBytes: 0,
  evictedImages: 0,
  evictedBytes: 0,
  highestBytes: 0,
};

interface CachedBlob {
  stored: boolean;
  /** How many cached images name it. */
  namedBy: number;
}

class CachedImage {
  readonly image: LoggedImage;
  /** How many of the image's members count this image already. */
  namedMembers = 0;
  pulls = 0;
  /** The number of its last pull. No two are equal, so neither is the order. */
  pulledAt = 0;
  priority = 0;
  /** In the queue. */
  place = 0;

  constructor(image: LoggedImage) {
    this.image = image;
  }
}

function goesBefore(one: CachedImage, other: CachedImage): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  return one.pulledAt < other.pulledAt;
}
