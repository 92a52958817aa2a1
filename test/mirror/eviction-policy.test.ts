import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type EvictionPolicyName,
  evictionPolicies,
  type PulledImage,
} from "../../src/mirror/eviction/eviction-policy.ts";

const mib = 1024 ** 2;

const pulledOnce: PulledImage = { atMs: 1_000, pulls: 1, sizeBytes: 100 * mib, floor: 0 };

const orders: readonly {
  readonly policy: EvictionPolicyName;
  readonly what: string;
  readonly first: Partial<PulledImage>;
  readonly last: Partial<PulledImage>;
}[] = [
  {
    policy: "lru",
    what: "the longest not pulled, however often it was",
    first: { atMs: 1, pulls: 99 },
    last: { atMs: 2 },
  },
  {
    policy: "lfu",
    what: "the least often pulled, however lately it was",
    first: { atMs: 2, pulls: 2 },
    last: { atMs: 1, pulls: 3 },
  },
  {
    policy: "lfu",
    what: "what was popular before the floor rose above it",
    first: { pulls: 9 },
    last: { pulls: 1, floor: 9 },
  },
  {
    policy: "gdsf",
    what: "of images pulled as often, the largest",
    first: { sizeBytes: 10_000 * mib },
    last: { sizeBytes: 5 * mib },
  },
  {
    policy: "gdsf",
    what: "a small image pulled once before a large one pulled every day",
    first: { sizeBytes: 300 * mib },
    last: { sizeBytes: 3_000 * mib, pulls: 14 },
  },
  {
    policy: "gdsf",
    what: "what one rollout has pulled to fifty nodes before a small one pulled ten times",
    first: { sizeBytes: 400 * mib, pulls: 50 },
    last: { sizeBytes: 40 * mib, pulls: 10 },
  },
  {
    policy: "gdsf",
    what: "what was popular before the floor rose above it",
    first: { pulls: 1_000 },
    last: { pulls: 1, floor: 20 },
  },
];

for (const { policy, what, first, last } of orders) {
  test(`${policy} evicts first: ${what}`, () => {
    const { priority } = evictionPolicies[policy];

    assert.ok(priority({ ...pulledOnce, ...first }) < priority({ ...pulledOnce, ...last }));
  });
}

for (const [name, { priority }] of Object.entries(evictionPolicies)) {
  test(`${name} gives a finite priority to what is empty, immense or pulled without end`, () => {
    const immense = Number.MAX_SAFE_INTEGER;
    const strange: readonly Partial<PulledImage>[] = [
      { sizeBytes: 0 },
      { sizeBytes: immense },
      { pulls: immense, floor: immense, atMs: immense },
    ];

    const priorities = strange.map((part) => priority({ ...pulledOnce, ...part }));

    assert.ok(priorities.every(Number.isFinite), priorities.join(" "));
  });
}
