import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultScene } from "../support/fault-scene.ts";
import { patient } from "../support/patience.ts";

const sizeBytes = 2_000_000;

// Short, so that each stall ends soon; what is tested is that it ends.
const noHeader = { timeouts: { ...patient, headersMs: 1_500 } };
const noMore = { timeouts: { ...patient, bodyIdleMs: 1_500 } };
// As many stalls in a row; whoever takes a slow machine for one only asks once more.
const noMoreForLong = { timeouts: { ...patient, bodyIdleMs: 400 } };

const silences = ["stall-at-once", "stall-in-status-line", "header-a-byte-at-a-time"];

test("an upstream that accepts and sends no whole header is given up: 504, and everything is let go of", async () => {
  await using scene = await FaultScene.start({ settings: noHeader, machineClock: false });
  const pulls = silences.map((fault) => [fault, scene.upstream.blob(fault, sizeBytes)] as const);

  const answers = await Promise.all(pulls.map(([fault, content]) => scene.pull(fault, content)));
  scene.passOver();
  // The first of these finds out whether it answers again.
  const heads = await Promise.all(
    pulls.map(([fault, content]) => scene.pull(fault, content, { method: "HEAD" })),
  );

  assert.deepEqual(
    answers.map(({ status }) => status),
    [504, 504, 504],
  );
  assert.deepEqual(heads.map(({ status }) => status).sort(), [503, 503, 504]);
  await scene.assertSound({ unstored: pulls.map(([, content]) => content) });
  await scene.assertHeals(pulls);
  await scene.assertSound({ stored: pulls.map(([, content]) => content) });
});

test("a body that stops is gone on with where it stopped", async () => {
  await using scene = await FaultScene.start({ settings: noMore });
  const content = scene.upstream.blob("stops once", sizeBytes);

  const [whole, part] = await Promise.all([
    scene.pullWhole("stall-at-half-once", content),
    scene.pull("stall-at-half-once", content, { headers: { range: "bytes=1500000-" } }),
  ]);

  assert.ok(whole.complete && part.complete);
  assert.equal(scene.blobGets(content), 2);
  await scene.assertSound({ stored: [content] });
});

test("a body that stops at the same byte each time cuts the answer in the end", async () => {
  await using scene = await FaultScene.start({ settings: noMoreForLong });
  const contents = [40_000, sizeBytes].map((size) => scene.upstream.blob(`stops ${size}`, size));

  const answers = await Promise.all(
    contents.map((content) => scene.pull("stall-at-half", content)),
  );

  for (const { status, complete } of answers) assert.ok(status >= 500 || !complete);
  for (const content of contents) assert.ok(scene.blobGets(content) <= 12);
  await scene.assertSound({ unstored: contents });
  await scene.assertHeals(contents.map((content) => ["stall-at-half", content]));
});

test("a body whose end is never said is not waited for for ever: its answer ends right or cut", async () => {
  await using scene = await FaultScene.start({ settings: noMoreForLong });
  const contents = [1000, 40_000, sizeBytes].map((size) =>
    scene.upstream.blob(`never ends ${size}`, size),
  );

  const answers = await Promise.all(
    contents.map((content) => scene.pull("end-never-comes", content)),
  );

  for (const { status, complete, trueBytes, bodyBytes } of answers) {
    assert.ok(status >= 500 || !complete || trueBytes === bodyBytes);
  }
  await scene.assertSound();
  await scene.assertHeals(contents.map((content) => ["end-never-comes", content]));
});

test("an upstream that stalls holds up nobody who pulls from it what does not stall", async () => {
  await using scene = await FaultScene.start({ settings: { timeouts: patient } });
  const stalled = Array.from({ length: 50 }, (_, at) => scene.upstream.blob(`stalled ${at}`, 1000));
  const waiting = stalled.map((content) => scene.open("stall-at-once", content));
  const contents = [1, 2, 3].map((at) => scene.upstream.blob(`beside ${at}`, sizeBytes));

  for (const content of contents) await scene.pullWhole("good", content);

  for (const client of waiting) assert.equal(client.answer.status, 0);
  await scene.upstream.down();
  for (const client of waiting) assert.ok((await client.end()).status >= 500);
  await scene.upstream.up();
  await scene.assertSound({ stored: contents });
});
