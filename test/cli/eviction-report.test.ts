import assert from "node:assert/strict";
import { test } from "node:test";
import type { EvictionAnswer, EvictionOutlook } from "../../src/admin/routes/eviction.ts";
import { type ToldVictim, toldVictim } from "../../src/admin/told-victim.ts";
import { renderEviction } from "../../src/cli/output/eviction-report.ts";
import { digestOf } from "../../src/oci/digest.ts";

const mib = 1024 ** 2;
const dayMs = 86_400_000;
const nowMs = Date.parse("2026-11-21T12:00:00Z");
const terminal = { nowMs, widthChars: 80, limit: 10 };

const root = digestOf(Buffer.from("root"));

function agoAt(agoMs: number): string {
  return new Date(nowMs - agoMs).toISOString();
}

function victim(name: string, differences: Partial<ToldVictim> = {}): ToldVictim {
  return {
    root,
    kind: "image",
    reason: "size",
    names: [name],
    lastPullAt: agoAt(3 * dayMs),
    latestPullAt: agoAt(0),
    pulls: 2,
    priority: 1,
    freed: [],
    freedBytes: 25 * mib,
    kept: { objects: 0, bytes: 0, sharedWith: 0 },
    ...differences,
  };
}

function plan(victims: readonly ToldVictim[], differences: Partial<EvictionOutlook> = {}): string {
  const answer: EvictionAnswer = {
    dryRun: true,
    usedBytes: 48_000 * mib,
    limitBytes: 51_200 * mib,
    toBytes: 43_520 * mib,
    spareBytes: 1,
    victims,
    images: victims.filter(({ kind }) => kind === "image").length,
    blobs: victims.filter(({ kind }) => kind === "blob").length,
    objects: victims.length,
    freedBytes: victims.reduce((sum, { freedBytes }) => sum + freedBytes, 0),
    pinned: { roots: 0, names: [] },
    arriving: 0,
    ...differences,
  };
  return renderEviction(answer, terminal);
}

test("evict --dry-run says what goes, in which order and why, and what stays", () => {
  const text = plan(
    [
      victim("docker.io/library/debian:11", {
        reason: "idle",
        lastPullAt: agoAt(34 * dayMs),
        pulls: 7,
        freedBytes: 52 * mib,
      }),
      victim(`ghcr.io/owner/image@${root}`, { reason: "idle", lastPullAt: agoAt(31 * dayMs) }),
      victim("docker.io/library/postgres:16.4-bookworm", {
        names: ["16.4-bookworm", "16"]
          .map((tag) => `docker.io/library/postgres:${tag}`)
          .concat(`docker.io/library/postgres@${root}`),
        freedBytes: 1480 * mib,
        kept: { objects: 3, bytes: 31 * mib, sharedWith: 2 },
      }),
      victim("registry.internal:5000/platform/teams/payments/settlement-worker:2026.11.03-rc1", {
        lastPullAt: agoAt(7 * 3_600_000),
        pulls: 1,
        freedBytes: 2950 * mib,
      }),
      victim("docker.io/library/app", { kind: "blob", lastPullAt: null, pulls: 0 }),
    ],
    { pinned: { roots: 3, names: ["docker.io/library/alpine:3.20", "docker.io/library/a:1"] } },
  );

  assert.equal(
    text,
    `Would evict 4 images and 1 blob and free 4.4 GiB, in this order:

IMAGE                                        FREES  LAST PULL  PULLS  SHARED
Not pulled for longer than eviction.maxIdle:
  docker.io/library/debian:11               52 MiB    34d ago      7
  ghcr.io/owne…image@sha256:4813494d137e…   25 MiB    31d ago      2
Worth least for the room they take, by pulls, last pull and size:
  docker.io/l…y/postgres:16.4-bookworm +1  1.4 GiB     3d ago      2  31 MiB (2)
  registry.int…ment-worker:2026.11.03-rc1  2.9 GiB     7h ago      1
  blob sha256:4813494d137e…                 25 MiB      never      0

used     46.9 GiB of 50 GiB (93.8%)
then     42.4 GiB of 50 GiB (84.9%); the aim is 42.5 GiB
shared   stays: other images need it, as many as the number in brackets
pinned   docker.io/library/alpine:3.20 and 2 more stay (sluice pin --list)`,
  );
});

test("the plan of an eviction fits the terminal, in width and in height", () => {
  const long = `registry.internal:5000/${"a/".repeat(100)}image`;
  const text = plan(
    Array.from({ length: 12 }, (_, at) =>
      victim(`${long}:${at}`, {
        reason: at < 3 ? "idle" : "size",
        lastPullAt: agoAt(399 * dayMs),
        pulls: 1_234_567,
        freedBytes: 1023 * mib,
        kept: { objects: 1, bytes: 1023 * mib, sharedWith: 1234 },
      }),
    ),
    {
      images: 1_224,
      spareBytes: -mib,
      arriving: 1_234,
      pinned: { roots: 12_345, names: [`${long}:pinned`] },
    },
  );
  const lines = text.split("\n");

  assert.deepEqual(
    lines.filter((line) => line.length > 80),
    [],
  );
  assert.ok(lines.length < 24, `${lines.length} lines`);
  assert.ok(lines.includes("  … and 1214 more, see --limit or --json"), text);
});

test("a plan that lists only the first images counts all of them, and says what stays because it is being pulled", () => {
  const text = plan([victim("docker.io/library/a:1")], {
    images: 2_000,
    blobs: 3,
    freedBytes: 4_000 * mib,
    arriving: 1,
  });

  assert.match(text, /^Would evict 2000 images and 3 blobs and free 3.9 GiB, in this order:/);
  assert.match(text, /^ {2}… and 2002 more, see --limit or --json$/m);
  assert.match(text, /^arriving 1 image stays: it is being pulled$/m);
});

test("where nothing goes, evict says whether nothing has to or nothing can", () => {
  const pinned = { roots: 1, names: ["docker.io/library/alpine:3.20"] };
  assert.equal(
    plan([], { usedBytes: 31 * mib, limitBytes: 50 * mib, toBytes: 42 * mib }),
    "Nothing has to go.\nused     31 MiB of 50 MiB (62.0%); the aim is 42 MiB",
  );
  assert.equal(
    plan([], { usedBytes: 49 * mib, limitBytes: 50 * mib, toBytes: 42 * mib, pinned }),
    `Nothing can go.
used     49 MiB of 50 MiB (98.0%); the aim of 42 MiB is not reached
pinned   docker.io/library/alpine:3.20 stays (sluice pin --list)`,
  );
  assert.equal(
    plan([], { usedBytes: 0, limitBytes: 50 * mib, toBytes: 42 * mib, spareBytes: -5 * mib }),
    `Nothing can go.
used     0 B of 50 MiB (0.0%); the aim is 42 MiB
minFree  5 MiB too little are free on the disk`,
  );
});

test("an eviction says what was freed, what was spared, and when the aim was not reached", () => {
  const answer: EvictionAnswer = {
    dryRun: false,
    usedBytes: 44_000 * mib,
    limitBytes: 51_200 * mib,
    toBytes: 43_520 * mib,
    roots: 3,
    objects: 17,
    bytes: 4_000 * mib,
    freedBytes: 4_001 * mib,
    spared: 1,
    pinned: { roots: 0, names: [] },
    arriving: 2,
  };
  assert.equal(
    renderEviction(answer, terminal),
    `Evicted 3 images and freed 3.9 GiB in 17 blobs.
used     43 GiB of 50 GiB (85.9%); the aim of 42.5 GiB is not reached
spared   1 that somebody pulled or needed meanwhile
arriving 2 images stay: they are being pulled`,
  );
});

test("of a victim that was never pulled, when it came is told as no pull", () => {
  const { lastPullAt: _at, latestPullAt: _latestAt, ...rest } = victim("docker.io/library/a:1");
  const [lastAtMs, latestAtMs] = [nowMs - dayMs, nowMs];
  const told = (pulls: number): ToldVictim => toldVictim({ ...rest, pulls, lastAtMs, latestAtMs });

  assert.equal(told(1).lastPullAt, "2026-11-20T12:00:00.000Z");
  assert.equal(told(1).latestPullAt, "2026-11-21T12:00:00.000Z");
  assert.equal(told(0).lastPullAt, null);
});
