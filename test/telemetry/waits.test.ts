import assert from "node:assert/strict";
import { test } from "node:test";
import {
  followWaits,
  presentWaits,
  Waits,
  waitFor,
  withoutWaits,
} from "../../src/telemetry/waits.ts";

const leastMs = 3;

test("what a request waits for is noted for it, and for no other", async () => {
  const [one, other] = [new Waits(), new Waits()];
  const gate = Promise.withResolvers<void>();

  const first = followWaits(one, () => waitFor("room", () => gate.promise));
  const second = followWaits(other, async () => {});
  await someMs();
  const told = one.told;
  gate.resolve();
  await Promise.all([first, second]);

  assert.ok((told.room ?? 0) > 0, "while it still waits");
  assert.ok((one.told.room ?? 0) >= (told.room ?? 0));
  assert.deepEqual(other.told, {});
});

test("a wait that fails is noted, and its failure stays what it was", async () => {
  const waits = new Waits();
  const failure = new Error("no");
  const failing = followWaits(waits, () =>
    waitFor("answer", async () => {
      await someMs();
      throw failure;
    }),
  );

  await assert.rejects(failing, failure);
  assert.ok((waits.told.answer ?? 0) > 0);
});

test("waits of one kind add up, and an end counts once", async () => {
  const waits = new Waits();
  const ends = [waits.begin("body"), waits.begin("body")];
  await someMs();
  for (const end of ends) end();
  const told = waits.told.body ?? 0;
  await someMs();
  for (const end of ends) end();

  assert.ok(told >= 2 * leastMs, `${told}`);
  assert.equal(waits.told.body, told);
});

test("waits of work that no request waits for are noted for none", async () => {
  const waits = new Waits();
  await followWaits(waits, () => withoutWaits(() => waitFor("answer", someMs)));

  assert.deepEqual(waits.told, {});
  assert.equal(presentWaits(), undefined);
  assert.equal(await waitFor("token", async () => 7), 7);
});

/** Until the clock has moved by `leastMs` or more. */
async function someMs(): Promise<void> {
  const endMs = performance.now() + leastMs;
  while (performance.now() < endMs) await new Promise((resolve) => setImmediate(resolve));
}
