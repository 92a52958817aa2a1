import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { patient } from "../support/patience.ts";

const sizeBytes = 1_000_000;

const passing: readonly string[] = [
  "unavailable-at-first",
  "reset-at-first",
  "status-line-cut-at-first",
  "redirected-to-trouble-at-first",
  "token-refused-at-first",
];

for (const fault of passing) {
  test(`no answer at first (${fault}): everyone who waits for the blob sees one answer, whole and right`, async () => {
    await using scene = await FaultScene.start();
    const content = scene.upstream.blob(fault, sizeBytes);
    const pulls = [{}, {}, { headers: { range: "bytes=500000-" } }];

    const answers = await Promise.all(pulls.map((pull) => scene.pull(fault, content, pull)));

    assert.deepEqual(
      answers.map(({ status, complete }) => [status, complete]),
      [
        [200, true],
        [200, true],
        [206, true],
      ],
    );
    await scene.assertSound({ stored: [content] });
  });
}

test("an upstream that stays in trouble is asked a few times for all who wait, and all are told", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("never available", sizeBytes);

  const answers = await Promise.all(
    Array.from({ length: 20 }, () => scene.pull("never-available", content)),
  );

  for (const { status } of answers) assert.equal(status, 503);
  const gets = scene.blobGets(content);
  assert.ok(gets > 3 && gets <= 6, `asked ${gets} times`);
  await scene.assertSound({ unstored: [content] });
  await scene.assertHeals([["never-available", content]]);
});

test("an outage does not multiply what upstream is asked: fifty clients of fifty blobs, again and again", async () => {
  await using scene = await FaultScene.start();
  const contents = Array.from({ length: 50 }, (_, at) => scene.upstream.blob(`outage ${at}`, 100));
  scene.upstream.answer("/v2/", (wire) => wire.whole("503 Service Unavailable", {}, "later"));

  let first = 0;
  for (let round = 0; round < 3; round++) {
    const answers = await Promise.all(contents.map((one) => scene.pull("never-available", one)));
    for (const { status } of answers) assert.equal(status, 503);
    if (round === 0) first = scene.upstream.requests.length;
  }

  // All may be on their way before the first answer; then retries are of the budget, or probes.
  assert.ok(first <= 50 + 10 + 5 + 5, `asked ${first} times`);
  const later = scene.upstream.requests.length - first;
  assert.ok(later <= 10, `asked ${later} times more`);
  await scene.assertHeals(contents.map((one) => ["never-available", one]));
});

test("an upstream that fails every other time is not asked twice as much", async () => {
  await using scene = await FaultScene.start({ machineClock: false });

  for (let at = 0; at < 60; at++) {
    await scene.pull("unavailable-once", scene.upstream.blob(`flapping ${at}`, 100));
  }

  // Ten retries there are at first, and one is earned by ten requests.
  const gets = scene.upstream.asked("GET", "/blobs/").length;
  assert.ok(gets <= 60 + 10 + 8, `asked ${gets} times`);
  // After four failures without an answer it is greeted: whether it is only these.
  const all = scene.upstream.requests.length;
  assert.ok(all <= gets + 60 / 4, `asked ${all} times`);
});

test("an upstream that comes up while a pull waits gives it its blob", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("coming up", sizeBytes);
  await scene.upstream.down();
  const pulling = scene.pullWhole("good", content);
  await eventually("it was asked in vain", async () => {
    const { body } = await scene.mirror.admin("/metrics");
    return /upstream_requests_total{.*kind="blob".*status="failed"} \d/.test(body.toString());
  });

  await scene.upstream.up();

  await pulling;
  await scene.assertSound({ stored: [content] });
});

test("a HEAD of a blob that upstream fails at first is asked again too", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("described", sizeBytes);

  const answer = await scene.pull("head-unavailable-at-first", content, { method: "HEAD" });

  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-length"], String(sizeBytes));
});

test("a refusal is taken for no trouble that passes: it is not asked about again", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("refused", sizeBytes);

  const { status } = await scene.pull("refused-at-first", content);

  assert.equal(status, 403);
  assert.equal(scene.blobGets(content), 1);
  await scene.assertSound({ unstored: [content] });
});

test("an upstream that fails and wants to be left alone for a moment is asked again then, and the client waits", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("limited", sizeBytes);

  await scene.pullWhole("limited-at-first", content);

  assert.equal(scene.blobGets(content), 2);
  await scene.assertSound({ stored: [content] });
});

test("an upstream that fails and wants to be left alone for long is not asked again, and the client is told for how long", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("limited for long", sizeBytes);

  const { status, headers } = await scene.pull("limited-for-a-minute", content);

  assert.equal(status, 429);
  assert.equal(headers["retry-after"], "60");
  assert.equal(scene.blobGets(content), 1);
  await scene.assertSound({ unstored: [content] });
});

test("an upstream that does not answer in time is not waited for a second time", async () => {
  const settings = { timeouts: { ...patient, headersMs: 400 } };
  await using scene = await FaultScene.start({ settings });
  const content = scene.upstream.blob("silent", sizeBytes);

  const { status } = await scene.pull("stall-at-once", content);

  assert.equal(status, 504);
  assert.equal(scene.blobGets(content), 1);
  await scene.assertSound({ unstored: [content] });
});

test("a mirror that stops does not wait for the next try at an upstream that fails", async () => {
  const scene = await FaultScene.start();
  const content = scene.upstream.blob("ending", sizeBytes);
  using client = scene.open("never-available", content);
  while (scene.blobGets(content) < 2) await new Promise(setImmediate);

  await scene[Symbol.asyncDispose]();

  assert.equal((await client.end()).complete, false);
});
