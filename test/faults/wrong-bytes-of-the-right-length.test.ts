import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultScene } from "../support/fault-scene.ts";
import { assertVerifiedToItsLastByte } from "../support/last-byte.ts";
import type { SeededContent } from "../support/seeded-content.ts";

// Around the 32 KiB that are held back, and beyond one read.
const sizes = [1, 2, 32_767, 32_768, 32_769, 65_536, 1_048_575, 1_048_576, 1_048_577];

const mib = 1024 * 1024;

// Below it nothing may be sent before all is verified, so not even a status line says 200.
const heldBackWholeBytes = 32_768;

const lies = ["flip-first", "flip-middle", "flip-last", "flip-first-chunked", "flip-last-chunked"];

for (const fault of lies) {
  test(`wrong bytes (${fault}): no answer is complete, nothing is stored, and the next pull after it is right`, async () => {
    await using scene = await FaultScene.start();
    const contents = sizes.map((sizeBytes) =>
      scene.upstream.blob(`${fault} ${sizeBytes}`, sizeBytes),
    );

    await Promise.all(contents.map((content) => assertRefused(scene, fault, content)));

    const [mismatches] = (await scene.mirror.daemon.metrics.digestMismatches.get()).values;
    assert.ok((mismatches?.value ?? 0) >= sizes.length, "each was counted");
    await scene.assertSound({ unstored: contents });
    await scene.assertHeals(contents.map((content) => [fault, content]));
    await scene.assertSound({ stored: contents });
  });
}

test("20 clients of a blob with one wrong bit all see that it broke, and so do late ones", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("twenty", 4 * mib);
  const release = scene.upstream.hold(content, 3 * mib);

  const early = Array.from({ length: 10 }, () => scene.pull("flip-last", content));
  using first = scene.open("flip-last", content);
  await first.when(({ bodyBytes }) => bodyBytes === 3 * mib);
  const late = Array.from({ length: 10 }, () => scene.open("flip-last", content));
  for (const client of late) await client.when(({ bodyBytes }) => bodyBytes > 0);
  release();
  const answers = [
    ...(await Promise.all(early)),
    ...(await Promise.all(late.map((client) => scene.finish(client, "flip-last", content)))),
  ];

  assert.ok(answers.every(({ complete }) => !complete));
  assert.equal(scene.blobGets(content), 1, "the late ones joined");
  await scene.assertSound({ unstored: [content] });
  await scene.assertHeals([["flip-last", content]]);
});

test("wrong bytes for a sha512 digest are refused as for a sha256 one", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("sha512", 100_000, "sha512");

  const wrong = await scene.pull("flip-last", content, { algorithm: "sha512" });
  const right = await scene.pullWhole("good", content, { algorithm: "sha512" });

  assert.equal(wrong.complete, false);
  assert.equal(right.headers["docker-content-digest"], content.digestBy("sha512"));
  await scene.assertSound({ stored: [content] });
});

test("a client that speaks HTTP/1.0 is cut by a reset, for it takes a clean end for the end of the blob", async () => {
  await using scene = await FaultScene.start();
  for (const fault of ["flip-last", "flip-last-chunked"]) {
    const content = scene.upstream.blob(`old ${fault}`, 200_000);

    const answer = await scene.pull(fault, content, { version: "1.0" });

    assert.equal(answer.complete, false);
    if (answer.status === 200) assert.equal(answer.reset, true);
  }
  await scene.assertSound();
});

test("one wrong byte at the end of 128 MiB cuts the answer, in little memory", async () => {
  await assertVerifiedToItsLastByte(128 * mib);
});

async function assertRefused(
  scene: FaultScene,
  fault: string,
  content: SeededContent,
): Promise<void> {
  const answer = await scene.pull(fault, content);
  const what = `${content.seed}: ${JSON.stringify(answer)}`;
  if (answer.status !== 502) assert.equal(answer.complete, false, what);
  if (content.sizeBytes <= heldBackWholeBytes) assert.equal(answer.status, 502, what);
  assert.ok(scene.blobGets(content) <= 3, `asked ${scene.blobGets(content)} times`);
}
