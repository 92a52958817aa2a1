import assert from "node:assert/strict";
import { test } from "node:test";
import { RecentTrouble } from "../../src/mirror/recent-trouble.ts";
import { UpstreamError, type UpstreamFailure } from "../../src/upstream/upstream-error.ts";

const hub = "docker.io";
const status = (code: number): UpstreamFailure => {
  return { kind: "status", status: code, words: "", retryAfter: null };
};

const ofEverything: readonly UpstreamFailure[] = [
  { kind: "unreachable", reason: "ECONNREFUSED" },
  { kind: "timeout", phase: "headers" },
];
const ofOneQuestion: readonly UpstreamFailure[] = [
  status(500),
  status(429),
  { kind: "cut", reason: "" },
  { kind: "nonsense", reason: "" },
  { kind: "too-large", limitBytes: 1 },
  { kind: "forbidden-hop", reason: "" },
];

for (const failure of ofEverything) {
  test(`an upstream that is ${failure.kind} is in trouble with every question`, () => {
    const { trouble } = newTrouble();

    trouble.note(hub, "a", new UpstreamError(hub, failure));

    assert.ok(trouble.lately(hub, "a"));
    assert.ok(trouble.lately(hub, "b"));
    assert.ok(!trouble.lately("ghcr.io", "a"));
  });
}

for (const failure of ofOneQuestion) {
  test(`${JSON.stringify(failure)} is trouble with this question only`, () => {
    const { trouble } = newTrouble();

    trouble.note(hub, "a", new UpstreamError(hub, failure));

    assert.ok(trouble.lately(hub, "a"));
    assert.ok(!trouble.lately(hub, "b"));
  });
}

test("a refusal is an answer, and what upstream did not say is no trouble of it", () => {
  const { trouble } = newTrouble();

  trouble.note(
    hub,
    "a",
    new UpstreamError(hub, { kind: "refused", status: 401, words: "", mirror: null }),
  );
  trouble.note(hub, "a", new Error("a bug"));

  assert.ok(!trouble.lately(hub, "a"));
});

test("an answer to one question says that the upstream is well, but not that another is answered", () => {
  const { trouble } = newTrouble();
  trouble.note(hub, "a", new UpstreamError(hub, { kind: "timeout", phase: "connect" }));
  trouble.note(hub, "b", new UpstreamError(hub, status(500)));

  trouble.clear(hub, "c");

  assert.ok(!trouble.lately(hub, "a"));
  assert.ok(trouble.lately(hub, "b"));
  trouble.clear(hub, "b");
  assert.ok(!trouble.lately(hub, "b"));
});

test("who asks again what was waited for in vain is told so at once, for five seconds", () => {
  const { trouble, clock } = newTrouble();
  const late = new UpstreamError(hub, { kind: "timeout", phase: "headers" });
  trouble.note(hub, "a", late);
  trouble.note(hub, "b", new UpstreamError(hub, status(500)));
  trouble.note(hub, "c", new UpstreamError(hub, { kind: "unreachable", reason: "" }));

  assert.equal(trouble.overdue("a"), late);
  for (const key of ["b", "c", "d"]) assert.equal(trouble.overdue(key), null, key);
  clock.nowMs += 5_000;
  assert.equal(trouble.overdue("a"), null);
  trouble.note(hub, "a", late);
  trouble.clear(hub, "a");
  assert.equal(trouble.overdue("a"), null);
  trouble.note(hub, "a", late);
  trouble.note(
    hub,
    "a",
    new UpstreamError(hub, { kind: "refused", status: 401, words: "", mirror: null }),
  );
  assert.equal(trouble.overdue("a"), null);
});

test("trouble is over after five seconds, or when the clock was set back before it", () => {
  const { trouble, clock } = newTrouble();
  trouble.note(hub, "a", new UpstreamError(hub, { kind: "timeout", phase: "headers" }));

  clock.nowMs += 4_999;
  assert.ok(trouble.lately(hub, "a"));
  clock.nowMs += 1;
  assert.ok(!trouble.lately(hub, "a"));
  clock.nowMs -= 5_001;
  assert.ok(!trouble.lately(hub, "a"));
});

function newTrouble(): { trouble: RecentTrouble; clock: { nowMs: number } } {
  const clock = { nowMs: 1_000_000 };
  return { trouble: new RecentTrouble(() => clock.nowMs), clock };
}
