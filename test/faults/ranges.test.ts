import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckedAnswer } from "../support/checking-client.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { partsOf } from "../support/multipart.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const sizeBytes = 1_000_000;
const heldBackBytes = 32 * 1024;

type Expected = readonly [first: number, last: number] | 200 | 416;

// RFC 9110, section 14.
const table: Readonly<Record<string, Expected>> = {
  "bytes=0-0": [0, 0],
  "bytes=0-": [0, sizeBytes - 1],
  "bytes=1000-1999": [1000, 1999],
  "bytes=-1": [sizeBytes - 1, sizeBytes - 1],
  "bytes=-500": [sizeBytes - 500, sizeBytes - 1],
  "bytes=-2000000": [0, sizeBytes - 1],
  "bytes=999999-": [sizeBytes - 1, sizeBytes - 1],
  "bytes=500000-": [500_000, sizeBytes - 1],
  "bytes=999000-2000000": [999_000, sizeBytes - 1],
  "bytes=-0": 416,
  "bytes=1000000-": 416,
  "bytes=1000000-1000001": 416,
  "bytes=5000000000-": 416,
  "bytes=500-0": 200,
  "bytes=": 200,
  "bytes=-": 200,
  "bytes=a-b": 200,
  "bytes=0-0x10": 200,
  "bytes 0-10": 200,
  "lines=0-10": 200,
  "bytes=0-10;q=1": 200,
  "bytes=99999999999999999999-": 200,
};

for (const state of ["cold", "in flight", "stored"] as const) {
  test(`every form of a range, malformed ones too, is answered as RFC 9110 says of a blob that is ${state}`, async () => {
    await using scene = await FaultScene.start();
    const asked = Object.entries(table).map(([range, expected]) => {
      return { range, expected, content: scene.upstream.blob(`${state} ${range}`, sizeBytes) };
    });
    await Promise.all(
      asked.map(async ({ range, expected, content }) => {
        assertPart(await pullIn(state, scene, content, range), expected, range);
      }),
    );

    for (const { content } of asked) assert.equal(scene.blobGets(content), 1, content.seed);
    await scene.assertSound({ stored: asked.map(({ content }) => content) });
  });
}

test("every form of a range, malformed ones too, is answered as RFC 9110 says of a blob that finds no room", async () => {
  await using scene = await FaultScene.start({ maxSize: { kind: "bytes", bytes: 1000 } });
  const asked = Object.entries(table).map(([range, expected]) => {
    return { range, expected, content: scene.upstream.blob(`no room ${range}`, sizeBytes) };
  });

  await Promise.all(
    asked.map(async ({ range, expected, content }) => {
      assertPart(await pullIn("cold", scene, content, range), expected, range);
    }),
  );

  await scene.assertSound({ unstored: asked.map(({ content }) => content) });
});

test("several ranges in any order come byte for byte, of what is stored and of what finds no room", async () => {
  for (const maxSize of [1000, 10_000_000]) {
    await using scene = await FaultScene.start({ maxSize: { kind: "bytes", bytes: maxSize } });
    const content = scene.upstream.blob(`backwards ${maxSize}`, sizeBytes);
    const range = "bytes=-5,500000-500999,0-9";

    for (const turn of ["cold", "again"]) {
      const answer = await scene.pull("good", content, { headers: { range } });

      const what = `${turn} with ${maxSize} bytes: ${JSON.stringify({ ...answer, text: "" })}`;
      assert.ok([200, 206].includes(answer.status) && answer.complete, what);
      if (answer.status === 200) assert.equal(answer.trueBytes, sizeBytes);
      else assertParts(answer, content);
      await scene.mirror.idle();
    }
    await scene.assertSound();
  }
});

test("every range of an empty blob is 416 or all of nothing", async () => {
  await using scene = await FaultScene.start();
  for (const range of ["bytes=0-0", "bytes=0-", "bytes=-1", "bytes=-0"]) {
    const content = scene.upstream.blob(`empty ${range}`, 0);

    const answer = await scene.pull("good", content, { headers: { range } });

    assert.ok(answer.status === 416 || answer.status === 200, `${range}: ${answer.status}`);
    assert.equal(answer.complete, true);
    if (answer.status === 416) assert.equal(answer.headers["content-range"], "bytes */0");
  }
  await scene.assertSound();
});

test("of a blob in flight a range that has come is answered at once, one that has not waits for it, and one at the end for verification", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("watermark", sizeBytes);
  const release = scene.upstream.hold(content, 900_000);
  using filling = scene.open("good", content);
  await filling.when(({ bodyBytes }) => bodyBytes === 900_000);

  const below = await scene.pull("good", content, { headers: { range: "bytes=899000-899999" } });
  using across = scene.open("good", content, { headers: { range: "bytes=899000-910000" } });
  using above = scene.open("good", content, { headers: { range: "bytes=950000-960000" } });
  using tail = scene.open("good", content, {
    headers: { range: `bytes=${sizeBytes - heldBackBytes + 1}-` },
  });
  await across.when(({ bodyBytes }) => bodyBytes === 1000);

  assertPart(below, [899_000, 899_999], "below");
  assert.equal(above.answer.bodyBytes, 0);
  assert.equal(tail.answer.bodyBytes, 0);
  release();
  assertPart(await across.end(), [899_000, 910_000], "across");
  assertPart(await above.end(), [950_000, 960_000], "above");
  assertPart(await tail.end(), [sizeBytes - heldBackBytes + 1, sizeBytes - 1], "tail");
  assert.equal(scene.blobGets(content), 1);
  await scene.assertSound({ stored: [content] });
});

test("no range that holds the last byte is complete before the digest is verified", async () => {
  await using scene = await FaultScene.start();
  const ranges = ["bytes=-1", "bytes=0-", `bytes=${sizeBytes - 1}-`, "bytes=500000-5000000"];
  const pulls = ranges.map((range) => {
    return { range, content: scene.upstream.blob(`wrong ${range}`, sizeBytes) };
  });

  const answers = await Promise.all(
    pulls.map(({ range, content }) => scene.pull("flip-first", content, { headers: { range } })),
  );

  for (const [at, { status, complete }] of answers.entries()) {
    assert.ok(status === 206 || status === 502, ranges[at]);
    assert.ok(status === 502 || !complete, ranges[at]);
  }
  await scene.assertSound({ unstored: pulls.map(({ content }) => content) });
});

test("16 open ranges that are left after a chunk each, as containerd asks, are one GET upstream", async () => {
  await using scene = await FaultScene.start();
  const chunkBytes = 4 * 1024 * 1024;
  const content = scene.upstream.blob("containerd", 16 * chunkBytes);

  const clients = Array.from({ length: 16 }, (_, at) =>
    scene.open("good", content, { headers: { range: `bytes=${at * chunkBytes}-` } }),
  );
  for (const client of clients) {
    const part = await client.when(
      ({ bodyBytes, complete }) => complete || bodyBytes >= chunkBytes,
    );
    assert.equal(part.status, 206);
    assert.equal(part.trueBytes, part.bodyBytes);
    client[Symbol.dispose]();
  }

  assert.equal(scene.blobGets(content), 1);
  await scene.assertSound({ stored: [content] });
});

for (const state of ["cold", "in flight", "stored"] as const) {
  test(`several ranges of a blob that is ${state} come as multipart/byteranges, byte for byte`, async () => {
    await using scene = await FaultScene.start();
    const content = scene.upstream.blob(`several ${state}`, sizeBytes);
    const answer = await pullIn(state, scene, content, "bytes=0-9, 500000-500999 ,-5");

    assert.equal(answer.status, 206);
    assert.equal(answer.complete, true);
    assert.equal(answer.headers["content-range"], undefined);
    assertParts(answer, content);
    assert.equal(scene.blobGets(content), 1);
    await scene.assertSound({ stored: [content] });
  });
}

test("several ranges of which one is behind the end give the others; of which all are, 416", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("some behind", sizeBytes);

  const some = await scene.pull("good", content, { headers: { range: "bytes=0-9,2000000-" } });
  const none = await scene.pull("good", content, { headers: { range: "bytes=1000000-,2000000-" } });

  if (some.headers["content-range"])
    assert.equal(some.headers["content-range"], "bytes 0-9/1000000");
  else {
    const parts = partsOf(some.headers["content-type"], some.text);
    assert.deepEqual(
      parts.map(({ bytes }) => bytes),
      [content.slice(0, 10)],
    );
  }
  assert.equal(none.status, 416);
  assert.equal(none.headers["content-range"], `bytes */${sizeBytes}`);
  await scene.assertSound();
});

test("several ranges with the last byte are not complete before the digest is verified", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("several wrong", sizeBytes);

  const answer = await scene.pull("flip-first", content, {
    headers: { range: "bytes=10-19,30-39,-5" },
  });

  assert.ok(answer.status === 502 || !answer.complete, JSON.stringify(answer));
  await scene.assertSound({ unstored: [content] });
});

test("a hundred overlapping ranges cost no more bytes than the blob", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("overlapping", sizeBytes);
  const overlapping = Array.from({ length: 100 }, (_, at) => `${at}-`).join(",");

  const answer = await scene.pull("good", content, { headers: { range: `bytes=${overlapping}` } });

  assert.ok([200, 206, 416].includes(answer.status), String(answer.status));
  assert.equal(answer.complete, true);
  assert.ok(answer.bodyBytes <= sizeBytes + 64 * 1024, `${answer.bodyBytes} bytes came`);
  await scene.assertSound({ stored: [content] });
});

test("If-Range lets a range through for this very content only, in every state", async () => {
  await using scene = await FaultScene.start();
  for (const state of ["cold", "in flight", "stored"] as const) {
    for (const matches of [true, false]) {
      const content = scene.upstream.blob(`if-range ${state} ${matches}`, sizeBytes);
      const tag = matches ? content.digest : `sha256:${"0".repeat(64)}`;

      const answer = await pullIn(state, scene, content, "bytes=5-9", { "if-range": `"${tag}"` });

      assertPart(answer, matches ? [5, 9] : 200, `${state} ${matches}`);
    }
  }
  await scene.assertSound();
});

test("of content whose length nobody knows yet, a range is all of it", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("unknown length", sizeBytes);

  const answer = await scene.pull("chunked", content, { headers: { range: "bytes=0-9" } });

  assert.equal(answer.status, 200);
  assert.equal(answer.headers["content-length"], undefined);
  assert.equal(answer.trueBytes, sizeBytes);
  assert.equal(answer.complete, true);
  await scene.assertSound({ stored: [content] });
});

/** The three parts that tests ask for, in whatever order. */
function assertParts(answer: CheckedAnswer, content: SeededContent): void {
  const parts = partsOf(answer.headers["content-type"], answer.text);
  assert.deepEqual(
    parts.map(({ first, last }) => [first, last]).sort(([a = 0], [b = 0]) => a - b),
    [
      [0, 9],
      [500_000, 500_999],
      [sizeBytes - 5, sizeBytes - 1],
    ],
  );
  for (const { first, last, bytes, sizeBytes: total, contentType } of parts) {
    assert.deepEqual(bytes, content.slice(first, last + 1));
    assert.equal(total, sizeBytes);
    assert.equal(contentType, "application/octet-stream");
  }
}

async function pullIn(
  state: "cold" | "in flight" | "stored",
  scene: FaultScene,
  content: SeededContent,
  range: string,
  more: Readonly<Record<string, string>> = {},
): Promise<CheckedAnswer> {
  const pull = { headers: { range, ...more } };
  if (state === "cold") return await scene.pull("good", content, pull);
  if (state === "stored") {
    await scene.pullWhole("good", content);
    await scene.mirror.idle();
    return await scene.pull("good", content, pull);
  }
  const release = scene.upstream.hold(content, sizeBytes / 2);
  using filling = scene.open("good", content);
  await filling.when(({ bodyBytes }) => bodyBytes === sizeBytes / 2);
  const asking = scene.pull("good", content, pull);
  release();
  await filling.end();
  return await asking;
}

function assertPart(answer: CheckedAnswer, expected: Expected, what: string): void {
  assert.equal(answer.complete, true, what);
  if (expected === 200) {
    assert.equal(answer.status, 200, what);
    assert.equal(answer.trueBytes, sizeBytes, what);
  } else if (expected === 416) {
    assert.equal(answer.status, 416, what);
    assert.equal(answer.headers["content-range"], `bytes */${sizeBytes}`, what);
  } else {
    const [first, last] = expected;
    assert.equal(answer.status, 206, what);
    assert.equal(answer.headers["content-range"], `bytes ${first}-${last}/${sizeBytes}`, what);
    assert.equal(answer.trueBytes, last - first + 1, what);
  }
}
