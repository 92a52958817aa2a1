import assert from "node:assert/strict";
import { test } from "node:test";
import { notesOnPatterns } from "../../src/config/idle-patterns.ts";
import { read } from "./reading.ts";

/** The notes on rules and pins beside the upstreams docker.io and registry.test:5000. */
async function notes(rules: readonly string[], pins: readonly string[] = []): Promise<string[]> {
  const config = await read(
    JSON.stringify({
      eviction: { pins },
      upstreams: {
        "docker.io": { endpoints: ["https://registry-1.docker.io"] },
        "registry.test:5000": { endpoints: ["http://registry.test:5000"] },
      },
    }).replace("{", `{ "freshness": { "rules": [${rules.map((rule) => `{${rule}}`).join(",")}] },`),
  );
  return notesOnPatterns(config);
}

test("nothing is noted of patterns that can match", async () => {
  const rules = [
    '"match": "docker.io/library/*:latest", "ttl": "1m"',
    '"match": "docker.io/library/*", "ttl": "1h"',
    '"match": "registry.test:5000/app:v?", "ttl": "1h"',
    '"match": "docker.io/*:1", "ttl": "1h"',
    '"match": "*.io/app", "ttl": "1h"',
    '"match": "*", "ttl": "2h"',
  ];
  assert.deepEqual(await notes(rules, ["registry.test:5000/*", "*:v1"]), []);
});

test("a pattern that begins with no upstream is noted, with those there are", async () => {
  assert.deepEqual(
    await notes(
      [
        '"match": "quay.io/evil/*", "deny": "no"',
        '"match": "alpine", "ttl": "1h"',
        '"match": "alpine:*", "ttl": "1h"',
      ],
      ["index.docker.io/library/*"],
    ),
    [
      "note: freshness.rules[0] can never match: quay.io/evil/* begins with no upstream; there are docker.io, registry.test:5000",
      "note: freshness.rules[1] can never match: alpine begins with no upstream; there are docker.io, registry.test:5000",
      "note: freshness.rules[2] can never match: alpine:* begins with no upstream; there are docker.io, registry.test:5000",
      "note: eviction.pins[0] can never match: index.docker.io/library/* begins with no upstream; there are docker.io, registry.test:5000",
    ],
  );
});

test("a pattern of a short name of Docker Hub is noted, with the whole name", async () => {
  assert.deepEqual(await notes(['"match": "docker.io/alpine:*", "ttl": "1h"']), [
    "note: freshness.rules[0] can never match: on Docker Hub that is docker.io/library/alpine:*",
  ]);
});

test("a rule behind one that matches all of it is noted", async () => {
  assert.deepEqual(
    await notes([
      '"match": "docker.io/*", "ttl": "1h"',
      '"match": "registry.test:5000/*:v[0-9]*", "ttl": "1h"',
      '"match": "docker.io/library/*:latest", "ttl": "1m"',
    ]),
    [
      "note: freshness.rules[2] can never match: freshness.rules[0] (docker.io/*) matches all of it before",
    ],
  );
});

test("a tag that is let through before its repository is denied is noted", async () => {
  assert.deepEqual(
    await notes([
      '"match": "docker.io/evil/app:good", "ttl": "1h"',
      '"match": "docker.io/evil/other", "ttl": "1h"',
      '"match": "docker.io/evil/*", "deny": "no"',
    ]),
    [
      "note: freshness.rules[0] lets no image through: its layers have no tag, and freshness.rules[2] (docker.io/evil/*) denies them",
    ],
  );
});
