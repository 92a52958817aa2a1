import assert from "node:assert/strict";
import { test } from "node:test";
import type { EndpointStats } from "../../src/admin/endpoint-stats.ts";
import type { LimitStats } from "../../src/admin/limit-stats.ts";
import type { Now } from "../../src/admin/routes/now.ts";
import { upstreamsOf, verdictOf } from "../../src/dashboard/now/verdict.ts";

test("a mirror whose upstreams answer works, and one that nobody asked is ready", () => {
  assert.equal(verdictOf(now({ requests: 0 })).headline, "Ready for the first pull.");
  assert.deepEqual(verdictOf(now({})), {
    tone: "good",
    headline: "Everything works.",
    details: [],
  });
});

test("the verdict says before everything else that the mirror cannot serve", () => {
  const verdict = verdictOf(
    now({
      ready: false,
      reasons: ["the catalog is damaged"],
      endpoints: [endpoint("a", "left alone")],
    }),
  );

  assert.deepEqual(verdict, {
    tone: "bad",
    headline: "The mirror cannot serve.",
    details: ["the catalog is damaged"],
  });
});

test("an upstream none of whose endpoints answers is named, and what else is wrong beside it", () => {
  const endpoints = [endpoint("docker.io", "left alone"), endpoint("ghcr.io", "probed")];

  const verdict = verdictOf(now({ endpoints, disk: { spareBytes: -1_048_576 } }));

  assert.equal(verdict.tone, "warn");
  assert.equal(verdict.headline, "docker.io and ghcr.io give no answer; what is stored is served.");
  assert.deepEqual(verdict.details, [
    "The disk is nearly full: 1 MiB less than storage.minFree are free.",
  ]);
});

test("an upstream is up as long as one endpoint answers, and offline only by the configuration", () => {
  const endpoints = [
    endpoint("partly", "asked"),
    endpoint("partly", "left alone"),
    endpoint("offline", "offline"),
    endpoint("up", "asked"),
    endpoint("up", "offline"),
  ];

  assert.deepEqual(
    upstreamsOf(endpoints).map(({ name, state }) => `${name}: ${state}`),
    ["partly: partly", "offline: offline", "up: up"],
  );
  assert.equal(verdictOf(now({ endpoints })).tone, "good");
});

test("limits that run out are told, with the time that is left", () => {
  const limits = [
    limit({ state: "low", emptyInSeconds: 7_300 }),
    limit({ state: "empty", account: "1" }),
    limit({ state: "fine", waitSeconds: 90 }),
    limit({ state: "fine" }),
  ];

  const { headline, details } = verdictOf(now({ limits }));

  assert.deepEqual(
    [headline, ...details],
    [
      "The rate limit of docker.io (anonymous) is low, empty in 2h.",
      "The rate limit of docker.io (account 1) is used up.",
      "docker.io (anonymous) has asked to be left alone for 1m.",
    ],
  );
});

test("an upstream that pulls are refused for is named, with how many wait for it", () => {
  const load = {
    upstream: "docker.io",
    connections: 512,
    mostConnections: 512,
    awaitingConnection: 100,
    awaitingAnswer: 1_500,
    refuses: false,
  };

  const said = [false, true].map((refuses) => verdictOf(now({ loads: [{ ...load, refuses }] })));

  assert.deepEqual(
    said.map(({ headline }) => headline),
    ["Everything works.", "docker.io is slow: 1,500 requests wait for it, and others are refused."],
  );
});

interface Parts {
  readonly requests?: number;
  readonly ready?: boolean;
  readonly reasons?: readonly string[];
  readonly endpoints?: readonly EndpointStats[];
  readonly limits?: readonly LimitStats[];
  readonly disk?: Partial<Now["disk"]>;
  readonly loads?: Now["loads"];
}

function now({
  requests = 1,
  ready = true,
  reasons = [],
  endpoints = [],
  limits = [],
  disk = {},
  loads = [],
}: Parts): Now {
  return {
    at: "2026-01-01T00:00:00.000Z",
    version: "1",
    ready,
    reasons,
    stats: {
      since: "2026-01-01T00:00:00.000Z",
      upstreams: [
        {
          upstream: "docker.io",
          requests,
          hits: 0,
          misses: 0,
          stale: 0,
          errors: 0,
          unstored: 0,
          sentBytes: 0,
          receivedBytes: 0,
          hitRate: null,
          byteHitRate: null,
          savedBytes: 0,
        },
      ],
      total: { hitRate: null, byteHitRate: null, savedBytes: 0 },
      stored: { blobs: 0, bytes: 0, usedBytes: 0, limitBytes: 100 },
      fillsInFlight: 0,
      limits,
      endpoints,
    },
    disk: {
      usedBytes: 0,
      limitBytes: 100,
      arrivingBytes: 0,
      overheadBytes: 0,
      spareBytes: 1,
      highWatermarkBytes: 95,
      lowWatermarkBytes: 85,
      ...disk,
    },
    fills: [],
    loads,
  };
}

function endpoint(upstream: string, state: EndpointStats["state"]): EndpointStats {
  const isAsked = state === "asked";
  return {
    upstream,
    endpoint: `${upstream}:443`,
    state,
    health: isAsked ? 1 : 0,
    reason: isAsked ? null : "cannot be reached",
    forSeconds: 0,
    leftSeconds: 0,
  };
}

function limit(parts: Partial<LimitStats>): LimitStats {
  return {
    upstream: "docker.io",
    endpoint: "registry-1.docker.io",
    account: "anonymous",
    state: "fine",
    limit: 100,
    remaining: 50,
    windowSeconds: 21_600,
    source: null,
    emptyInSeconds: null,
    waitSeconds: 0,
    ...parts,
  };
}
