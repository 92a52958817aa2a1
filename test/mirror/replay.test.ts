import assert from "node:assert/strict";
import { test } from "node:test";
import type { Member, Pull } from "../../src/mirror/simulation/pull-log.ts";
import { type ReplayedCache, replay } from "../../src/mirror/simulation/replay.ts";
import type { ReplayResult } from "../../src/mirror/simulation/simulated-cache.ts";
import { replayNaively } from "../support/naive-replay.ts";
import { SeededRandom, seedOfRun } from "../support/seeded-random.ts";

const seed = seedOfRun();

const policies = ["lru", "lfu", "gdsf", "belady"] as const;

const justEnough = { highWatermark: 1, lowWatermark: 1 };

test("a pull that finds all it asks for is an image hit, and counts its blobs and bytes", () => {
  const pulls = log(["a", "base"], ["b", "base"], ["a", "base"]);

  const result = replayOne(pulls, { policy: "lru", limitBytes: 100, ...justEnough });

  assert.deepEqual(result, {
    pulls: 3,
    imageHits: 1,
    blobHits: 3,
    hitBytes: 30,
    blobMisses: 3,
    missBytes: 30,
    evictedImages: 0,
    evictedBytes: 0,
    highestBytes: 30,
  });
});

test("an image goes whole, but what another image names stays", () => {
  const pulls = log(["a", "base", "a1"], ["b", "base"], ["c"], ["b", "base"]);

  const result = replayOne(pulls, { policy: "lru", limitBytes: 40, ...justEnough });

  assert.equal(result.evictedImages, 1);
  assert.equal(result.evictedBytes, 20);
  assert.equal(result.imageHits, 1);
});

test("a blob stays for an image that names it, though no client asked for it through that image", () => {
  const [a, b, c] = log(["a", "base"], ["b", "base"], ["c"]);
  const bWithoutBase = { ...b, asked: b?.members.slice(0, 1) };
  const pulls = [a, bWithoutBase, c, b] as Pull[];

  const result = replayOne(pulls, { policy: "lru", limitBytes: 30, ...justEnough });

  assert.equal(result.evictedImages, 1);
  assert.equal(result.imageHits, 1);
});

test("what an image turns out to name later counts for it from then on", () => {
  const [index, other, indexOfTwo, more] = log(["i", "x86"], ["other"], ["i", "x86", "arm"], ["m"]);
  const pulls = [index, other, indexOfTwo, more, indexOfTwo] as Pull[];

  const result = replayOne(pulls, { policy: "lru", limitBytes: 40, ...justEnough });

  assert.equal(result.evictedImages, 1);
  assert.equal(result.imageHits, 1);
});

test("what is asked for through an image goes with it, also if its members do not say so", () => {
  const [a, b] = log(["a"], ["b", "b1"]);
  const stray = { digest: "stray", sizeBytes: 10 };
  const pulls = [{ ...a, asked: [...(a?.members ?? []), stray] }, b] as Pull[];

  const result = replayOne(pulls, { policy: "lru", limitBytes: 30, ...justEnough });

  assert.equal(result.evictedBytes, 20);
});

test("from over the high watermark, images go until the low one", () => {
  const pulls = log(..."abcdefghij".split("").map((name) => [name] as const));

  const result = replayOne(pulls, {
    policy: "lru",
    limitBytes: 100,
    highWatermark: 0.9,
    lowWatermark: 0.5,
  });

  assert.equal(result.highestBytes, 90);
  assert.equal(result.evictedImages, 5);
});

test("a blob larger than the bound passes through, and evicts nothing", () => {
  const pulls = log(["a"], ["b"]);
  const huge = { digest: "huge", sizeBytes: 1_000 };
  const both = [...pulls, { atMs: 3, image: "huge", members: [huge], asked: [huge] }];

  const result = replayOne(both, { policy: "lru", limitBytes: 100, ...justEnough });

  assert.equal(result.evictedImages, 0);
  assert.equal(result.missBytes, 1_020);
});

test("an image does not evict itself: what it has no room for passes through", () => {
  const pulls = log(["a", "a1", "a2"], ["a", "a1", "a2"]);

  const result = replayOne(pulls, { policy: "lru", limitBytes: 20, ...justEnough });

  assert.equal(result.evictedImages, 0);
  assert.equal(result.blobHits, 2);
});

const onceAgainA = log(["a"], ["a"], ["b"], ["c"], ["a"]);

for (const [policy, imageHits] of [
  ["lru", 1],
  ["lfu", 2],
  ["belady", 2],
] as const) {
  test(`${policy} keeps what it should of two places for three images`, () => {
    const result = replayOne(onceAgainA, { policy, limitBytes: 20, ...justEnough });

    assert.equal(result.imageHits, imageHits);
  });
}

test("any number of caches is replayed in one reading of the log", () => {
  let readings = 0;
  const pulls: Iterable<Pull> = {
    [Symbol.iterator]: () => {
      readings += 1;
      return onceAgainA[Symbol.iterator]();
    },
  };
  const caches = [10, 20, 30].map((limitBytes) => ({
    policy: "lru" as const,
    limitBytes,
    ...justEnough,
  }));

  const results = replay(pulls, caches);

  assert.equal(readings, 1);
  assert.deepEqual(
    results.map(({ imageHits }) => imageHits),
    [1, 1, 2],
  );
});

test(`random logs give what a naive replay gives, and stay within the bound (SLUICE_TEST_SEED=${seed})`, () => {
  const random = new SeededRandom(seed);
  for (let round = 0; round < 30; round += 1) {
    const pulls = randomLog(random, 300);
    const caches = policies.map((policy) => randomCache(random, policy));

    const results = replay(pulls, caches);

    const expected = caches.map((cache) => replayNaively(pulls, cache));
    assert.deepEqual(results, expected, `round ${round}`);
    assert.ok(results.every((one, at) => one.highestBytes <= (caches[at]?.limitBytes ?? 0)));
  }
});

test(`with images of one size that share nothing, none beats belady (SLUICE_TEST_SEED=${seed})`, () => {
  const random = new SeededRandom(seed);
  for (let round = 0; round < 20; round += 1) {
    const names = Array.from({ length: 1_000 }, () => [`i${random.sizeBetween(1, 100)}`] as const);
    const limitBytes = 10 * random.between(2, 50);

    const results = replay(
      log(...names),
      policies.map((policy) => ({ policy, limitBytes, ...justEnough })),
    );

    const hits = results.map(({ imageHits }) => imageHits);
    assert.equal(Math.max(...hits), hits.at(-1), `round ${round}`);
  }
});

/** Pulls of images that name themselves and further blobs, each of 10 bytes, by clients that hold nothing. */
function log(...images: readonly (readonly [string, ...string[]])[]): readonly Pull[] {
  return images.map((names, at) => {
    const members = names.map((digest) => ({ digest, sizeBytes: 10 }));
    return { atMs: at, image: names[0], members, asked: members };
  });
}

function replayOne(pulls: Iterable<Pull>, cache: ReplayedCache): ReplayResult {
  const [result] = replay(pulls, [cache]);
  assert.ok(result);
  return result;
}

/** Images of shared and own layers, pulled by clients that hold some of them; some pulls fall in the same ms. */
function randomLog(random: SeededRandom, length: number): readonly Pull[] {
  const layers = Array.from({ length: 60 }, (_, at) => ({
    digest: `layer ${at}`,
    sizeBytes: random.sizeBetween(1, 1_000),
  }));
  const images = Array.from({ length: 40 }, () =>
    Array.from({ length: random.between(1, 6) }, () => layers[random.sizeBetween(1, 60) - 1]),
  ).map((list) => list.filter((one): one is Member => one !== undefined));
  return Array.from({ length }, (_, at) => {
    const image = random.sizeBetween(1, 40);
    const members = images[image - 1] ?? [];
    const asked = random.next() < 0.5 ? members : members.filter(() => random.next() < 0.5);
    return { atMs: Math.floor(at / 3), image: `image ${image}`, members, asked };
  });
}

function randomCache(random: SeededRandom, policy: ReplayedCache["policy"]): ReplayedCache {
  const lowWatermark = random.next();
  const highWatermark = lowWatermark + random.next() * (1 - lowWatermark);
  return { policy, limitBytes: random.between(10, 10_000), highWatermark, lowWatermark };
}
