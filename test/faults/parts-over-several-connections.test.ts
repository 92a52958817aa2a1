import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FaultScene, type FaultSceneOptions } from "../support/fault-scene.ts";
import type { FaultRequest } from "../support/fault-wire.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const mebibyte = 1024 * 1024;

// Eight segments of a mebibyte for four connections: the first comes with the answer that the blob begins with.
const sizeBytes = 8 * mebibyte;
const heldBytes = mebibyte / 2;

test("a large blob comes in parts over several connections while its first answer is slow", async () => {
  await using scene = await parallelScene();
  const content = scene.upstream.blob("parts", sizeBytes);
  const release = scene.upstream.holdWholeAt(content, [heldBytes, mebibyte]);
  using client = scene.open("good", content);

  await eventually("all parts were asked for", () => partsOf(scene, content).length === 7);
  release();
  const answer = await scene.finish(client, "good", content);

  assert.equal(answer.complete, true);
  assert.deepEqual(
    partsOf(scene, content)
      .map(({ headers }) => headers["range"])
      .toSorted(),
    [1, 2, 3, 4, 5, 6, 7].map((at) => `bytes=${at * mebibyte}-${(at + 1) * mebibyte - 1}`),
  );
  assert.equal(connectionsOf(scene, content), 4);
  assert.equal(scene.upstream.sentBytes(content.digest), sizeBytes);
  assert.equal(logged(scene, "blob comes over several connections")[0]?.["connections"], 4);
  await scene.assertSound({ stored: [content] });
});

test("a blob that is small, of unknown length, or comes without a word of parts is asked for once", async () => {
  await using scene = await parallelScene();
  const pulls = [
    ["good", scene.upstream.blob("small", sizeBytes - 1)],
    ["chunked", scene.upstream.blob("unknown length", sizeBytes)],
    ["no-parts", scene.upstream.blob("no parts", sizeBytes)],
  ] as const;

  for (const [fault, content] of pulls) await scene.pullWhole(fault, content);

  assert.equal(scene.upstream.requests.length, pulls.length);
  await scene.assertSound({ stored: pulls.map(([, content]) => content) });
});

const hindrances: readonly string[] = [
  "parts-come-whole",
  "parts-begin-elsewhere",
  "parts-end-early",
  "parts-of-another-size",
  "parts-of-another-etag",
  "parts-are-unsatisfiable",
  "parts-are-not-there",
  "parts-are-refused",
  "parts-are-limited",
  "parts-are-unavailable",
  "parts-are-reset",
];

for (const fault of hindrances) {
  test(`${fault}: one part is asked for, and the first answer brings the blob`, async () => {
    await using scene = await parallelScene();
    const content = scene.upstream.blob(fault, sizeBytes);
    const release = scene.upstream.holdWholeAt(content, [heldBytes]);
    using client = scene.open(fault, content);

    await eventually("it was noticed", () => logged(scene, onOneConnection).length === 1);
    release();

    assert.equal((await scene.finish(client, fault, content)).complete, true);
    const parts = new Set(partsOf(scene, content).map(({ headers }) => headers["range"]));
    assert.deepEqual([...parts], [`bytes=${mebibyte}-${2 * mebibyte - 1}`]);
    assert.equal(wholesOf(scene, content).length, 1);
    await scene.assertSound({ stored: [content] });
  });
}

const interruptions: readonly string[] = [
  "parts-break-off",
  "first-part-breaks-off",
  "parts-are-shorter-than-they-say",
  "parts-are-longer-than-they-say",
];

for (const fault of interruptions) {
  test(`${fault}: the client sees one answer, whole and right`, async () => {
    await using scene = await parallelScene();
    const content = scene.upstream.blob(fault, sizeBytes);
    const release = scene.upstream.holdWholeAt(content, [heldBytes]);
    using client = scene.open(fault, content);

    await eventually("a part was sent", () =>
      partsOf(scene, content).some(({ sentBytes }) => sentBytes >= mebibyte / 4),
    );
    release();

    assert.equal((await scene.finish(client, fault, content)).complete, true);
    await scene.assertSound({ stored: [content] });
  });
}

test("wrong bytes in a part are never served as the end of a blob", async () => {
  await using scene = await parallelScene();
  const content = scene.upstream.blob("lie", sizeBytes);
  const release = scene.upstream.holdWholeAt(content, [heldBytes]);
  using client = scene.open("parts-are-other-bytes", content);

  await eventually("all parts were asked for", () => partsOf(scene, content).length === 7);
  release();
  const answer = await client.end();

  assert.equal(answer.complete, false);
  await scene.assertSound({ unstored: [content] });
  await scene.assertHeals([["parts-are-other-bytes", content]]);
});

test("parts are asked of the storage that the registry redirected to, until that refuses one", async () => {
  await using scene = await parallelScene();
  for (const [fault, asked] of [
    ["hop-lasts", 1],
    ["hop-expires", 2],
  ] as const) {
    const content = scene.upstream.blob(fault, sizeBytes);
    const release = scene.upstream.holdWholeAt(content, [heldBytes]);
    using client = scene.open(fault, content);
    await eventually("all parts came", () => partBytes(scene, content) === 7 * mebibyte);
    release();

    assert.equal((await scene.finish(client, fault, content)).complete, true);
    assert.equal(scene.upstream.asked("GET", content.digest).length, asked, fault);
  }
  await scene.assertSound();
});

test("where each signed URL is good for one use, the registry is asked for each part", async () => {
  await using scene = await parallelScene();
  const content = scene.upstream.blob("signed once", sizeBytes);
  const release = scene.upstream.holdWholeAt(content, [heldBytes]);
  using client = scene.open("hop-good", content);
  await eventually("all parts came", () => partBytes(scene, content) === 7 * mebibyte);
  release();

  assert.equal((await scene.finish(client, "hop-good", content)).complete, true);
  const hops = scene.upstream.requests.filter(({ hop }) => hop);
  // Only the first part tried the URL that was used up.
  assert.equal(hops.length, 1 + 7 + 1);
  assert.ok(hops.every(({ headers }) => headers["authorization"] === undefined));
  await scene.assertSound({ stored: [content] });
});

test("no more than the window waits in memory, however long the first answer is held up", async () => {
  await using scene = await parallelScene();
  const content = scene.upstream.blob("window", 64 * mebibyte);
  const release = scene.upstream.holdWholeAt(content, [heldBytes]);
  using client = scene.open("good", content);

  await eventually("the window is full", () => partBytes(scene, content) === 32 * mebibyte);
  await eventually("no answer but the first one runs", () => scene.upstream.busy === 1);
  assert.equal(partsOf(scene, content).length, 8);
  release();

  assert.equal((await scene.finish(client, "good", content)).complete, true);
  assert.ok(connectionsOf(scene, content) <= 5);
  await scene.assertSound({ stored: [content] });
});

test("an upstream that goes away in the midst of parts and comes back is gone on with", async () => {
  await using scene = await parallelScene();
  const content = scene.upstream.blob("away", 16 * mebibyte);
  const release = scene.upstream.hold(content, 5 * mebibyte);
  using client = scene.open("good", content);
  await client.when(({ bodyBytes }) => bodyBytes > 3 * mebibyte);

  await scene.upstream.down();
  release();
  await scene.upstream.up();

  assert.equal((await scene.finish(client, "good", content)).complete, true);
  await scene.assertSound({ stored: [content] });
});

test("a mirror that stops ends every part that is under way", async () => {
  const scene = await parallelScene();
  const content = scene.upstream.blob("ending", sizeBytes);
  scene.upstream.hold(content, 0);
  using client = scene.open("good", content);
  await eventually("a part is on its way", () => partsOf(scene, content).length > 0);

  await scene.mirror[Symbol.asyncDispose]();

  await eventually("no answer of the upstream runs", () => scene.upstream.busy === 0);
  assert.equal((await client.end()).complete, false);
  await scene[Symbol.asyncDispose]();
});

const onOneConnection = "blob goes on over one connection";

function parallelScene(options: FaultSceneOptions = {}): Promise<FaultScene> {
  return FaultScene.start({ ...options, settings: { parallelFill: 4 } });
}

function getsOf(scene: FaultScene, content: SeededContent): FaultRequest[] {
  return scene.upstream.requests.filter(
    ({ method, target }) => method === "GET" && target.includes(content.digest),
  );
}

function partsOf(scene: FaultScene, content: SeededContent): FaultRequest[] {
  return getsOf(scene, content).filter(({ headers }) => /-\d/.test(headers["range"] ?? ""));
}

function wholesOf(scene: FaultScene, content: SeededContent): FaultRequest[] {
  return getsOf(scene, content).filter(({ headers }) => headers["range"] === undefined);
}

/** How much of parts the sockets have taken. */
function partBytes(scene: FaultScene, content: SeededContent): number {
  return partsOf(scene, content).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}

function connectionsOf(scene: FaultScene, content: SeededContent): number {
  return new Set(getsOf(scene, content).map(({ connection }) => connection)).size;
}

function logged(scene: FaultScene, message: string): Record<string, unknown>[] {
  return scene.mirror.logLines.filter(({ msg }) => msg === message);
}
