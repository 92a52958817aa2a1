import { evictionPolicies } from "../../src/mirror/eviction/eviction-policy.ts";
import type { Member, Pull } from "../../src/mirror/simulation/pull-log.ts";
import type { ReplayedCache } from "../../src/mirror/simulation/replay.ts";
import type { ReplayResult } from "../../src/mirror/simulation/simulated-cache.ts";

/** What `replay` must give for one cache, by searching everything each time: quadratic, and plain to see. */
export function replayNaively(pulls: readonly Pull[], cache: ReplayedCache): ReplayResult {
  const naive = new NaiveCache(cache);
  for (const [at, pull] of pulls.entries()) {
    const next = pulls.findIndex(({ image }, later) => later > at && image === pull.image);
    naive.pull(pull, at, next === -1 ? Number.MAX_SAFE_INTEGER : next);
  }
  return naive.result;
}

interface Held {
  readonly members: Map<string, number>;
  pulls: number;
  priority: number;
  pulledAt: number;
}

class NaiveCache {
  readonly #cache: ReplayedCache;
  readonly #images = new Map<string, Held>();
  /** Sizes by digest. */
  readonly #stored = new Map<string, number>();
  readonly result: { -readonly [Key in keyof ReplayResult]: number } = {
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
  #floor = 0;

  constructor(cache: ReplayedCache) {
    this.#cache = cache;
  }

  pull(pull: Pull, at: number, next: number): void {
    const fresh = { members: new Map<string, number>(), pulls: 0, priority: 0, pulledAt: 0 };
    const held = this.#images.get(pull.image) ?? fresh;
    this.#images.set(pull.image, held);
    for (const { digest, sizeBytes } of [...pull.asked, ...pull.members]) {
      held.members.set(digest, sizeBytes);
    }
    const hits = pull.asked.map((member) => this.#ask(member, held));
    this.result.pulls += 1;
    if (hits.every((hit) => hit)) this.result.imageHits += 1;
    held.pulls += 1;
    held.pulledAt = at;
    held.priority = this.#priority(pull, held, next);
  }

  #priority({ atMs }: Pull, { members, pulls }: Held, next: number): number {
    const { policy } = this.#cache;
    if (policy === "belady") return -next;
    const sizeBytes = sum(members.values());
    return evictionPolicies[policy].priority({ atMs, pulls, sizeBytes, floor: this.#floor });
  }

  #ask({ digest, sizeBytes }: Member, asking: Held): boolean {
    const hit = this.#stored.has(digest);
    this.result[hit ? "blobHits" : "blobMisses"] += 1;
    this.result[hit ? "hitBytes" : "missBytes"] += sizeBytes;
    if (!hit) this.#store(digest, sizeBytes, asking);
    return hit;
  }

  #store(digest: string, sizeBytes: number, asking: Held): void {
    const { limitBytes, highWatermark, lowWatermark } = this.#cache;
    const wouldBe = (): number => sum(this.#stored.values()) + sizeBytes;
    if (sizeBytes > limitBytes) return;
    if (wouldBe() > highWatermark * limitBytes) {
      while (wouldBe() > lowWatermark * limitBytes && this.#evictFirst(asking)) {}
    }
    if (wouldBe() > limitBytes) return;
    this.#stored.set(digest, sizeBytes);
    this.result.highestBytes = Math.max(this.result.highestBytes, sum(this.#stored.values()));
  }

  #evictFirst(asking: Held): boolean {
    const [first] = [...this.#images]
      .filter(([, held]) => held !== asking)
      .sort(([, one], [, other]) => one.priority - other.priority || one.pulledAt - other.pulledAt);
    if (first === undefined) return false;
    const [key, { priority }] = first;
    this.#images.delete(key);
    this.#floor = priority;
    this.result.evictedImages += 1;
    this.#removeUnnamed();
    return true;
  }

  #removeUnnamed(): void {
    const images = [...this.#images.values()];
    for (const [digest, sizeBytes] of this.#stored) {
      if (images.some(({ members }) => members.has(digest))) continue;
      this.#stored.delete(digest);
      this.result.evictedBytes += sizeBytes;
    }
  }
}

function sum(values: Iterable<number>): number {
  return [...values].reduce((total, value) => total + value, 0);
}
