import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { stripVTControlCharacters } from "node:util";
import type { ImageEntry } from "../../src/admin/routes/images.ts";
import type { ToldVictim } from "../../src/admin/told-victim.ts";
import { render as renderImages } from "../../src/cli/commands/ls.ts";
import { renderFindings } from "../../src/cli/output/doctor-report.ts";
import { renderEviction, renderVictims } from "../../src/cli/output/eviction-report.ts";
import { renderLimits } from "../../src/cli/output/limit-table.ts";
import { shortened } from "../../src/cli/output/shortened.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { inCheckout } from "../support/deploy.ts";
import { hubLimit } from "../support/limit-stats.ts";

const mib = 1024 ** 2;
const gib = 1024 ** 3;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const nowMs = Date.parse("2026-11-21T12:00:00Z");
const terminal = { nowMs, widthChars: 80, limit: 10 };
const root = digestOf(Buffer.from("root"));

test("the list of images that docs/storage.md shows is as the command prints it", async () => {
  const python = image("docker.io/library/python:3.13", "amd64", 2 * hourMs);
  const images = [
    { ...image("docker.io/library/alpine:3.20", "amd64 arm64", 180_000), sizeBytes: 7.5 * mib },
    { ...python, sizeBytes: 376 * mib, sharedBytes: 132 * mib, pulls: 12 },
    { ...image("docker.io/owner/app:v7", "amd64", 4 * dayMs), sizeBytes: 181 * mib, pulls: 1 },
  ];
  const [alpine, other, app] = images as [ImageEntry, ImageEntry, ImageEntry];

  const printed = renderImages(
    {
      images: [{ ...alpine, pulls: 41 }, other, { ...app, complete: false }],
      matched: 3,
      next: null,
      stored: { blobs: 31, bytes: 565 * mib },
    },
    { sort: "pulled", limit: 50, page: 1, glob: "docker.io/*", nowMs, widthChars: 88 },
  );

  await assertShown("docs/storage.md", printed);
});

test("the eviction that docs/storage.md shows is as the command prints it", async () => {
  const kept = (sharedWith: number) => ({ objects: 1, bytes: 12 * mib, sharedWith });
  const worker = "ghcr.io/platform/teams/payments/settlement-worker:2026.11.03-rc1";
  const victims = [
    {
      ...victim("docker.io/library/debian:11", 41 * dayMs),
      reason: "idle" as const,
      freedBytes: 20 * mib,
    },
    { ...victim(worker, 13 * dayMs), freedBytes: 25 * mib, kept: kept(3) },
    { ...victim("ghcr.io/platform/ci/runner:nightly", hourMs), freedBytes: 24 * mib },
    {
      ...victim("docker.io/library/postgres:16.4-bookworm", 3 * dayMs),
      freedBytes: 30 * mib,
      pulls: 2,
      kept: kept(2),
    },
  ];

  const printed = renderEviction(
    {
      dryRun: true,
      usedBytes: 160.2 * mib,
      limitBytes: 200 * mib,
      toBytes: 80 * mib,
      spareBytes: 70 * gib,
      victims,
      images: victims.length,
      blobs: 0,
      objects: 12,
      freedBytes: 99.1 * mib,
      pinned: { roots: 1, names: ["docker.io/library/alpine:3.20"] },
      arriving: 0,
    },
    terminal,
  );

  await assertShown("docs/storage.md", printed);
});

test("the purge that docs/storage.md shows is as the command prints it", async () => {
  const purged = { reason: "purge" as const };
  const kept = { objects: 2, bytes: 31 * mib, sharedWith: 3 };
  const printed = renderVictims(
    [
      {
        ...victim("docker.io/nightly/app:main", 2 * hourMs),
        ...purged,
        freedBytes: 98 * mib,
        pulls: 14,
        kept,
      },
      { ...victim("docker.io/nightly/db:main", dayMs), ...purged, freedBytes: 50 * mib, pulls: 3 },
    ],
    terminal,
  );

  await assertShown("docs/storage.md", printed);
});

test("the findings that the README shows are as sluice doctor prints them", async () => {
  const subject = "docker.io";
  const printed = renderFindings(
    [
      { subject, verdict: "ok", found: "https://registry-1.docker.io answers", remedy: null },
      {
        subject,
        verdict: "ok",
        found: "its certificate, by Amazon, is good until 2027-03-14",
        remedy: null,
      },
      {
        subject,
        verdict: "fail",
        found: "auth.docker.io refuses the user me and the password (status 401)",
        remedy:
          'put the right password into /run/secrets/hub, or correct upstreams."docker.io".credentials.username',
      },
    ],
    { widthChars: 80, output: process.stdout },
  );

  const [findings = ""] = printed.split("\n\n");
  await assertShown("README.md", findings);
});

test("the limits that docs/registries.md shows are as sluice stats prints them", async () => {
  const printed = renderLimits([hubLimit]);

  await assertShown("docs/registries.md", printed);
});

test("the damage that docs/storage.md shows is named as on a terminal", async () => {
  const text = await readFile(inCheckout("docs/storage.md"), "utf8");
  const named = [...text.matchAll(/^(?:wrong-bytes |without-file) {2}(\S+) {2}/gm)];

  assert.equal(named.length, 2);
  // As long as what is left of a digest.
  const { length } = shortened(root, 24);
  assert.deepEqual(
    named.map(([, name]) => name?.length),
    [length, length],
  );
});

function image(name: string, platforms: string, agoMs: number): ImageEntry {
  const [repository = "", tag = ""] = name.replace("docker.io/", "").split(":");
  return {
    name,
    upstream: "docker.io",
    repository,
    tag,
    digest: root,
    mediaType: null,
    platforms: platforms.split(" ").map((one) => `linux/${one}`),
    complete: true,
    sizeBytes: 0,
    sharedBytes: 0,
    lastPullAt: new Date(nowMs - agoMs).toISOString(),
    pulls: 0,
  };
}

function victim(name: string, agoMs: number): ToldVictim {
  return {
    root,
    kind: "image",
    reason: "size",
    names: [name],
    lastPullAt: new Date(nowMs - agoMs).toISOString(),
    latestPullAt: new Date(nowMs).toISOString(),
    pulls: 1,
    priority: 1,
    freed: [],
    freedBytes: 0,
    kept: { objects: 0, bytes: 0, sharedWith: 0 },
  };
}

async function assertShown(document: string, printed: string): Promise<void> {
  const text = await readFile(inCheckout(document), "utf8");
  const lines = stripVTControlCharacters(printed)
    .split("\n")
    .map((line) => line.trimEnd());
  assert.ok(
    text.includes(`\n${lines.join("\n")}\n`),
    `${document} does not show:\n${lines.join("\n")}`,
  );
}
