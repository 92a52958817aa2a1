import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckedAnswer } from "../support/checking-client.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { FaultUpstream } from "../support/fault-upstream.ts";
import type { FaultRequest } from "../support/fault-wire.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const sizeBytes = 3_000_000;

// Of a resume that works, the bytes that went before the cut; of one that begins from the start, those and some more.
const mostBytes = sizeBytes * 1.35;

const good: readonly string[] = [
  "cut-once",
  "cut-late",
  "cut-five-times",
  "cut-then-whole",
  "cut-then-other-etag",
  "cut-then-401-once",
  "cut-then-503-once",
  "hop-cut-once",
  "hop-refuses-once",
];

for (const fault of good) {
  test(`a body that breaks off (${fault}): the client sees one answer, whole and right`, async () => {
    await using scene = await FaultScene.start();
    const content = scene.upstream.blob(fault, sizeBytes);

    const answer = await scene.pullWhole(fault, content);
    await scene.mirror.idle();
    const warm = await scene.pullWhole(fault, content);

    assert.equal(answer.headers["content-length"], String(sizeBytes));
    assert.equal(warm.headers["cache-status"], "sluice; hit");
    assert.ok(sentFor(scene, content) <= mostBytes, `${sentFor(scene, content)} bytes came`);
    assertAsksInOrder(scene.upstream.requests);
    await scene.assertSound({ stored: [content] });
  });
}

test("a blob whose upstream breaks off every 8 MiB arrives whole, and hardly a byte comes twice", async () => {
  await using scene = await FaultScene.start({ machineClock: false });
  // More cuts than there are retries: what comes pays for going on.
  const content = scene.upstream.blob("cut and cut again", 136 * 1024 * 1024);

  await scene.pullWhole("cut-every-8-mib", content);

  assert.equal(scene.blobGets(content), 17);
  assert.ok(sentFor(scene, content) <= content.sizeBytes * 1.05);
  await scene.assertSound({ stored: [content] });
});

test("a blob of unknown length is gone on with after a cut", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("unknown length", sizeBytes);

  const answer = await scene.pull("cut-once-of-unknown-length", content);

  // The rest says what the whole has, but the client's answer had begun without that.
  if (answer.complete) assert.equal(answer.trueBytes, sizeBytes);
  await scene.assertSound();
  await scene.assertHeals([["cut-once-of-unknown-length", content]]);
});

const traps: readonly string[] = [
  "cut-then-wrong-start",
  "cut-then-later-start",
  "cut-then-wrong-total",
  "cut-then-other-total",
  "cut-then-other-whole",
  "cut-then-another-blob",
  "cut-then-other-rest",
  "cut-then-no-content-range",
  "cut-then-shorter-part",
  "cut-then-416",
  "cut-then-404",
  "cut-always",
];

test("whatever else comes in place of the rest after a cut ends right or cut, never wrong, and is asked for a bounded number of times", async () => {
  await using scene = await FaultScene.start();
  const pulls = traps.flatMap((fault) =>
    [33_000, sizeBytes].map(
      (size) => [fault, scene.upstream.blob(`${fault} ${size}`, size)] as const,
    ),
  );

  const answers = await Promise.all(
    pulls.map(
      async ([fault, content]) => [await scene.pull(fault, content), fault, content] as const,
    ),
  );

  for (const [answer, fault, content] of answers) {
    assert.ok(isRightOrCut(answer), `${fault}: ${JSON.stringify(answer)}`);
    assert.ok(scene.blobGets(content) <= 12, `${fault}: asked ${scene.blobGets(content)} times`);
  }
  const wrong = pulls.filter(
    ([fault]) => fault === "cut-then-other-rest" || fault === "cut-always",
  );
  await scene.assertSound({ unstored: wrong.map(([, content]) => content) });
  await scene.assertHeals(pulls);
  await scene.assertSound({ stored: pulls.map(([, content]) => content) });
});

test("the rest after a cut is asked for through the registry, never through the signed URL that broke", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("signed", sizeBytes);

  await scene.pullWhole("hop-cut-once", content);

  const hops = scene.upstream.requests.filter(({ hop }) => hop);
  assert.equal(new Set(hops.map(({ target }) => target)).size, hops.length, "no URL is used twice");
  assert.equal(scene.upstream.asked("GET", content.digest).length, 2);
  assert.ok(hops.every(({ headers }) => headers["authorization"] === undefined));
  await scene.assertSound({ stored: [content] });
});

test("readers of every kind ride through a cut together: one asks again for all", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("riding", sizeBytes);
  const ranges = [undefined, undefined, "bytes=0-", "bytes=2500000-2600000", "bytes=-1"];

  const answers = await Promise.all(
    ranges.map((range) => scene.pull("cut-once", content, range ? { headers: { range } } : {})),
  );

  for (const [at, { complete }] of answers.entries()) assert.ok(complete, String(ranges[at]));
  assert.equal(scene.blobGets(content), 2);
  await scene.assertSound({ stored: [content] });
});

test("clients that speak HTTP/1.0 ride through a cut too", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("riding in an old coach", sizeBytes);

  await scene.pullWhole("cut-once", content, { version: "1.0" });

  await scene.assertSound({ stored: [content] });
});

test("a blob that breaks off after a reload has taken its upstream away is gone on with at that upstream", async () => {
  await using scene = await FaultScene.start();
  await using other = await FaultUpstream.start();
  const content = scene.upstream.blob("taken away", sizeBytes);
  const release = scene.upstream.hold(content, 500_000);
  using client = scene.open("cut-once", content);
  await client.when(({ bodyBytes }) => bodyBytes > 0);

  scene.mirror.reload({ "faults.test": other.url });
  release();

  assert.equal((await scene.finish(client, "cut-once", content)).complete, true);
  assert.equal(scene.blobGets(content), 2);
  await scene.assertSound({ stored: [content] });
});

test("a mirror that stops does not wait for an upstream that breaks off again and again", async () => {
  const scene = await FaultScene.start();
  const content = scene.upstream.blob("ending", sizeBytes);
  using client = scene.open("cut-always", content);
  await client.when(({ bodyBytes }) => bodyBytes > 0);

  await scene[Symbol.asyncDispose]();

  assert.equal((await client.end()).complete, false);
});

function isRightOrCut({ status, complete, trueBytes, bodyBytes }: CheckedAnswer): boolean {
  if (status >= 500) return true;
  return status === 200 && (!complete || (trueBytes === bodyBytes && bodyBytes > 0));
}

function sentFor(scene: FaultScene, content: SeededContent): number {
  return scene.upstream.sentBytes(content.digest);
}

/** What is asked for again begins where the last byte came from, unencoded. */
function assertAsksInOrder(requests: readonly FaultRequest[]): void {
  const asked = requests.filter(
    ({ method, target }) => method === "GET" && target.includes("/blobs/"),
  );
  for (const { headers } of asked) assert.equal(headers["accept-encoding"], "identity");
  const starts = asked.map(
    ({ headers }) => /^bytes=(\d+)-$/.exec(headers["range"] ?? "bytes=0-")?.[1],
  );
  assert.deepEqual(
    starts.map(Number),
    starts.map(Number).sort((a, b) => a - b),
  );
}
