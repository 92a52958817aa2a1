import assert from "node:assert/strict";
import { test } from "node:test";
import { NotFound } from "../../src/mirror/not-found.ts";
import type { Repository } from "../../src/oci/repository.ts";
import type { Upstream } from "../../src/upstream/upstream.ts";
import type { Target } from "../../src/upstream/upstreams.ts";
import { unaskedUpstream } from "../support/unasked-upstream.ts";

const policy = {
  ttlMs: 0,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 0,
  negativeTtlMs: 5_000,
  grantTtlMs: 0,
};

test("'not found' is believed for a while, of one thing of one repository", () => {
  const { notFound, clock } = newNotFound();
  const target = targetOf(unaskedUpstream("docker.io"), "team/app");

  notFound.note(target, "manifest latest");

  assert.ok(notFound.has(target, "manifest latest", policy));
  assert.ok(!notFound.has(target, "manifest lates", policy));
  assert.ok(
    !notFound.has({ ...target, repository: "team/other" as Repository }, "manifest latest", policy),
  );
  clock.nowMs += 4_999;
  assert.ok(notFound.has(target, "manifest latest", policy));
  clock.nowMs += 1;
  assert.ok(!notFound.has(target, "manifest latest", policy));
});

test("'not found' ends when there is such a thing after all", () => {
  const { notFound } = newNotFound();
  const target = targetOf(unaskedUpstream("docker.io"), "team/app");
  notFound.note(target, "manifest latest");

  notFound.forget(target, "manifest latest");

  assert.ok(!notFound.has(target, "manifest latest", policy));
});

test("'not found' counts for the upstream as it is configured: built anew, it is asked again", () => {
  const { notFound } = newNotFound();
  notFound.note(targetOf(unaskedUpstream("docker.io"), "team/app"), "manifest latest");

  assert.ok(
    !notFound.has(targetOf(unaskedUpstream("docker.io"), "team/app"), "manifest latest", policy),
  );
});

test("'not found' counts for nothing when the clock was set back before it", () => {
  const { notFound, clock } = newNotFound();
  const target = targetOf(unaskedUpstream("docker.io"), "team/app");
  notFound.note(target, "manifest latest");

  clock.nowMs -= 1;

  assert.ok(!notFound.has(target, "manifest latest", policy));
});

test("whoever tries names makes the mirror forget the oldest 'not found', and take no more memory", () => {
  const { notFound } = newNotFound();
  const target = targetOf(unaskedUpstream("docker.io"), "team/app");

  for (let at = 0; at <= 10_000; at++) notFound.note(target, `blob ${at}`);

  assert.ok(!notFound.has(target, "blob 0", policy));
  assert.ok(notFound.has(target, "blob 1", policy));
  assert.ok(notFound.has(target, "blob 10000", policy));
});

function newNotFound(): { notFound: NotFound; clock: { nowMs: number } } {
  const clock = { nowMs: 1_000_000 };
  return {
    notFound: new NotFound(() => clock.nowMs),
    clock,
  };
}

function targetOf(upstream: Upstream, repository: string): Target {
  return { upstream, repository: repository as Repository, via: "", login: null };
}
