import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { ConnectionCap } from "../../src/upstream/exchange/connection-cap.ts";
import { UpstreamError } from "../../src/upstream/upstream-error.ts";

test("whoever finds no connection to an upstream free waits in turn", async () => {
  const { cap } = newCap({ most: 1 });
  const release = await cap.take(undefined);
  const order: string[] = [];
  const first = cap.take(undefined).then((next) => {
    order.push("first");
    return next;
  });
  await assert.rejects(
    cap.take(undefined),
    /maxConnections lets it have, and as many requests wait/,
  );
  assert.deepEqual([cap.used, cap.waiting], [1, 1]);

  release();
  release();
  const releaseFirst = await first;
  assert.deepEqual([cap.used, cap.waiting, order], [1, 0, ["first"]]);

  releaseFirst();
  assert.equal(cap.used, 0);
});

test("whoever waits for a connection in vain is told so, as busy, and takes none", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const { cap } = newCap({ most: 1 });
  const release = await cap.take(undefined);
  const waiting = cap.take(undefined);
  t.mock.timers.tick(3_000);
  await assert.rejects(waiting, (error) => {
    assert.ok(error instanceof UpstreamError && error.failure.kind === "busy");
    assert.match(
      error.message,
      /^slow\.test is not asked now: it has 1 connections.*within 3000 ms/,
    );
    return true;
  });
  release();
  assert.deepEqual([cap.used, cap.waiting], [0, 0]);
});

test("a connection that becomes free in the moment in which somebody goes is not lost with them", async () => {
  const { cap } = newCap({ most: 1 });
  const release = await cap.take(undefined);
  const client = new AbortController();
  const gone = cap.take(client.signal);
  client.abort(new Error("gone"));
  release();
  await assert.rejects(gone, /gone/);
  assert.equal(cap.used, 0);
  await assert.rejects(async () => {
    const held = await cap.take(undefined);
    await cap.take(client.signal).finally(held);
  }, /gone/);
  assert.equal(cap.used, 0);
});

test("a larger bound serves who waits, a smaller one takes nothing back", async () => {
  const { cap } = newCap({ most: 2 });
  const releases = [await cap.take(undefined), await cap.take(undefined)];
  const waiting = [cap.take(undefined), cap.take(undefined)];
  cap.configure({ most: 4, waitMs: 3_000 });
  releases.push(...(await Promise.all(waiting)));
  cap.configure({ most: 1, waitMs: 3_000 });
  assert.deepEqual([cap.used, cap.isFull], [4, true]);
  for (const release of releases.slice(0, 3)) release();
  assert.equal(cap.isFull, true);
});

test("refusals for want of a connection are counted, and told once when they begin and once when they are over", async () => {
  const { cap, lines, metrics } = newCap({ most: 2 });
  const releases = [await cap.take(undefined), await cap.take(undefined)];
  const client = new AbortController();
  const waiting = [cap.take(client.signal), cap.take(client.signal)];
  for (let turn = 0; turn < 3; turn++) await assert.rejects(cap.take(undefined));
  assert.equal(cap.refuses, true);
  client.abort(new Error("gone"));
  await Promise.allSettled(waiting);
  for (const release of releases) release();

  assert.equal(cap.refuses, false);
  assert.deepEqual(
    lines.map(({ msg, upstream, scarce, refused }) => ({ msg, upstream, scarce, refused })),
    [
      { msg: "pulls are refused, for the upstream is slow", refused: undefined },
      { msg: "pulls are refused no more", refused: 3 },
    ].map((line) => ({ upstream: "slow.test", scarce: "connections", ...line })),
  );
  const text = await metrics.registry.metrics();
  assert.match(
    text,
    /^sluice_upstream_refused_total\{upstream="slow.test",reason="connections"\} 3$/m,
  );
});

function newCap({ most }: { readonly most: number }): {
  readonly cap: ConnectionCap;
  readonly lines: Record<string, unknown>[];
  readonly metrics: Metrics;
} {
  const lines: Record<string, unknown>[] = [];
  const log = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) });
  const metrics = new Metrics("0.0.0-test");
  const options = { upstream: "slow.test", log, metrics, monotonicMs: () => 0 };
  return { cap: new ConnectionCap({ most, waitMs: 3_000 }, options), lines, metrics };
}
