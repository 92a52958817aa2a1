import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckedAnswer } from "../support/checking-client.ts";
import { FaultScene, type Pull } from "../support/fault-scene.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const sizes = [2, 32_767, 32_768, 32_769, 65_536, 1_048_577];

const groups: Readonly<Record<string, readonly string[]>> = {
  "bodies that end too early": [
    "fin-at-0",
    "fin-after-1",
    "fin-at-half",
    "fin-before-last",
    "reset-at-half",
    "chunks-without-last",
    "chunks-that-end-early",
    "close-delimited-cut",
  ],
  "lengths of other content": [
    "length-half",
    "length-half-and-only-that",
    "length-with-junk",
    "two-lengths",
  ],
  "lengths that are none": [
    "length-and-chunked",
    "length-with-sign",
    "length-list",
    "length-huge",
    "length-not-a-number",
  ],
  "statuses that are no answer to a plain GET": ["status-204", "status-206", "status-304"],
  "a web page in place of content": ["web-page"],
};

for (const [name, faults] of Object.entries(groups)) {
  test(`${name} never become a complete answer, and nothing of them is stored`, async () => {
    await using scene = await FaultScene.start();
    const pulls = contentsFor(scene, faults);

    await Promise.all(pulls.map(([fault, content]) => assertRefused(scene, fault, content)));

    await scene.assertSound({ unstored: pulls.map(([, content]) => content) });
    await scene.assertHeals(pulls);
    await scene.assertSound({ stored: pulls.map(([, content]) => content) });
  });
}

test("a client that speaks HTTP/1.0 is cut by a reset when the body ends too early", async () => {
  await using scene = await FaultScene.start();
  const pulls = contentsFor(scene, ["fin-at-half", "chunks-without-last", "close-delimited-cut"]);

  await Promise.all(
    pulls.map(([fault, content]) => assertRefused(scene, fault, content, { version: "1.0" })),
  );

  await scene.assertSound();
});

test("an empty blob is empty, whatever else the upstream sends with it", async () => {
  await using scene = await FaultScene.start();
  const empty = scene.upstream.blob("empty", 0);

  await assertRefused(scene, "length-with-junk", empty);
  await assertRefused(scene, "web-page", empty);
  await scene.pullWhole("length-and-junk-behind", empty);
  await scene.pullWhole("chunked", empty);
  await scene.pullWhole("good", empty);

  await scene.assertSound({ stored: [empty] });
});

test("what a kept connection brings behind the end of a body is not taken for the next answer", async () => {
  await using scene = await FaultScene.start();
  for (const sizeBytes of sizes) {
    const content = scene.upstream.blob(`junk behind ${sizeBytes}`, sizeBytes);
    const next = scene.upstream.blob(`next ${sizeBytes}`, sizeBytes);

    await scene.pull("length-and-junk-behind", content);
    await scene.pullWhole("good", next);
  }
  await scene.assertSound();
});

test("a size that only HEAD says is not believed by the GET after it", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("head lies", 100_000);

  await scene.pull("head-size-lie", content, { method: "HEAD" });
  const got = await scene.pullWhole("head-size-lie", content);
  const stored = await scene.pull("head-size-lie", content, { method: "HEAD" });

  assert.equal(got.headers["content-length"], "100000");
  assert.equal(stored.headers["content-length"], "100000");
  await scene.assertSound({ stored: [content] });
});

async function assertRefused(
  scene: FaultScene,
  fault: string,
  content: SeededContent,
  pull: Pull = {},
): Promise<void> {
  const answer = await scene.pull(fault, content, pull);
  const what = `${content.seed}: ${JSON.stringify(answer)} ${answer.text.toString()}`;
  assert.equal(isWhole(answer), false, what);
  assert.ok(answer.status === 200 || answer.status >= 500, what);
  if (pull.version === "1.0" && answer.status === 200) assert.equal(answer.reset, true, what);
}

function isWhole({ status, complete }: CheckedAnswer): boolean {
  return status < 400 && complete;
}

function contentsFor(
  scene: FaultScene,
  faults: readonly string[],
): (readonly [fault: string, content: SeededContent])[] {
  return faults.flatMap((fault) =>
    sizes.map(
      (sizeBytes) => [fault, scene.upstream.blob(`${fault} ${sizeBytes}`, sizeBytes)] as const,
    ),
  );
}
