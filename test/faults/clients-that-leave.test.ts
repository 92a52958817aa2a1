import assert from "node:assert/strict";
import { connect } from "node:net";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { patient } from "../support/patience.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const mib = 1024 * 1024;
const sizeBytes = 4 * mib;
const onePercentBytes = Math.floor(sizeBytes / 100);

const departures = ["a close", "a reset"] as const;

for (const departure of departures) {
  test(`the first client leaves at 1 % by ${departure}; who joined it gets everything, by one GET`, async () => {
    await using scene = await FaultScene.start();
    const content = scene.upstream.blob("first leaves", sizeBytes);
    const release = scene.upstream.hold(content, onePercentBytes);
    using first = scene.open("good", content);
    await first.when(({ bodyBytes }) => bodyBytes === onePercentBytes);
    using second = scene.open("good", content);
    await second.when(({ bodyBytes }) => bodyBytes === onePercentBytes);

    leave(first, departure);
    await eventually("the mirror knows", () => {
      return scene.mirror.logLines.some(
        ({ left, digest }) => left !== undefined && digest === content.digest,
      );
    });
    release();

    const answer = await second.end();
    assert.ok(answer.complete && answer.trueBytes === sizeBytes);
    assert.equal(scene.upstream.asked("GET", content.digest).length, 1);
    await scene.assertSound({ stored: [content] });
  });

  test(`all clients leave by ${departure}, one returns, and gets everything by the same GET`, async () => {
    await using scene = await FaultScene.start();
    const content = scene.upstream.blob("all leave", sizeBytes);
    const release = scene.upstream.hold(content, onePercentBytes);
    const clients = Array.from({ length: 10 }, () => scene.open("good", content));
    for (const client of clients) {
      await client.when(({ bodyBytes }) => bodyBytes === onePercentBytes);
    }

    for (const client of clients) leave(client, departure);
    await eventually("the mirror knows that all have left", () => {
      const left = scene.mirror.logLines.filter(({ left }) => left !== undefined);
      return left.length === clients.length;
    });
    using returned = scene.open("good", content);
    await returned.when(({ bodyBytes }) => bodyBytes === onePercentBytes);
    release();

    const answer = await returned.end();
    assert.ok(answer.complete && answer.trueBytes === sizeBytes);
    assert.equal(scene.upstream.asked("GET", content.digest).length, 1);
    await scene.assertSound();
  });
}

test("a client that has said all of its request may say so by its end, and no other notices", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("half closed", sizeBytes);
  const release = scene.upstream.hold(content, onePercentBytes);
  const halfClosed = [1, 2, 3].map(() => scene.open("good", content));
  using whole = scene.open("good", content);
  await whole.when(({ bodyBytes }) => bodyBytes === onePercentBytes);

  for (const client of halfClosed) client.halfClose();
  release();

  for (const client of halfClosed) {
    const { complete, trueBytes, bodyBytes } = await client.end();
    assert.equal(trueBytes, bodyBytes);
    assert.equal(complete, bodyBytes === sizeBytes);
  }
  assert.ok((await whole.end()).complete);
  assert.equal(scene.upstream.asked("GET", content.digest).length, 1);
  await scene.assertSound();
});

test("the clients of 30 blobs leave in the middle, and nothing of any blob stays open", async () => {
  await using scene = await FaultScene.start();
  const contents: SeededContent[] = [];
  for (let at = 0; at < 30; at++) {
    const content = scene.upstream.blob(`left in the middle ${at}`, mib);
    contents.push(content);
    const release = scene.upstream.hold(content, mib / 2);
    const clients = [scene.open("good", content), scene.open("good", content)];
    for (const client of clients) await client.when(({ bodyBytes }) => bodyBytes === mib / 2);
    for (const client of clients) leave(client, "a close");
    release();
  }

  // They were filled all the same.
  await scene.assertSound({ stored: contents });
});

test("1000 clients that connect and leave at any moment leave nothing behind", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("thousand", sizeBytes);
  const release = scene.upstream.hold(content, sizeBytes / 2);
  const { port } = new URL(scene.mirror.url);
  const request = `GET /v2/good/app/blobs/${content.digest} HTTP/1.1\r\nhost: x\r\n\r\n`;

  for (let batch = 0; batch < 20; batch++) {
    await Promise.all(
      Array.from({ length: 50 }, (_, at) => connectAndLeave(Number(port), request, at)),
    );
  }
  using last = scene.open("good", content);
  await last.when(({ bodyBytes }) => bodyBytes === sizeBytes / 2);
  release();

  const { complete, trueBytes } = await last.end();
  assert.ok(complete && trueBytes === sizeBytes);
  assert.ok(scene.upstream.asked("GET", content.digest).length <= 1);
  await scene.assertSound();
});

test("clients that leave while the upstream has not answered yet do not keep its connection for ever", async () => {
  const timeouts = { ...patient, headersMs: 600_000 };
  await using scene = await FaultScene.start({ settings: { timeouts } });
  const contents = Array.from({ length: 20 }, (_, at) =>
    scene.upstream.blob(`unanswered ${at}`, sizeBytes),
  );
  const clients = contents.map((content) => scene.open("stall-at-once", content));
  await eventually("every fill has asked", () => scene.upstream.busy === contents.length);

  for (const client of clients) client.reset();

  await eventually("four go on without readers, the others have ended", () => {
    return scene.upstream.busy === 4;
  });
  // The four are asked again on connections of their own.
  scene.upstream.heal();
  await scene.upstream.down();
  await scene.upstream.up();
  await scene.assertSound();
});

function leave(
  client: { reset(): void; [Symbol.dispose](): void },
  departure: (typeof departures)[number],
): void {
  if (departure === "a reset") client.reset();
  else client[Symbol.dispose]();
}

/** Goes after nothing, after a part of the request, after all of it, or after the first bytes of the answer. */
async function connectAndLeave(port: number, request: string, at: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const socket = connect(port, "127.0.0.1");
  socket.on("error", () => {});
  socket.on("close", () => resolve());
  socket.once("connect", () => {
    switch (at % 4) {
      case 0:
        return void socket.destroy();
      case 1:
        return void socket.write(request.slice(0, 40), () => socket.destroy());
      case 2:
        return void socket.write(request, () => socket.resetAndDestroy());
      default:
        socket.once("data", () => socket.destroy());
        return void socket.write(request);
    }
  });
  await promise;
}
