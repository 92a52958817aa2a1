import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { FaultScene } from "../support/fault-scene.ts";

const mib = 1024 * 1024;

for (const state of ["in flight", "stored"] as const) {
  test(`200 clients that hardly read a blob that is ${state} cost little memory and hold up nobody`, async () => {
    await using scene = await FaultProcessScene.start();
    const content = scene.upstream.blob(`slow readers, ${state}`, 24 * mib);
    if (state === "stored") await scene.pullWhole("good", content);
    const release = scene.upstream.hold(content, 15 * mib);
    using first = scene.open("good", content);
    await first.when(({ bodyBytes }) => bodyBytes > 0);
    const slow = Array.from({ length: 200 }, () => scene.open("good", content));
    for (const client of slow) {
      await client.when(({ bodyBytes }) => bodyBytes > 0);
      client.pause();
    }

    release();
    const quick = await scene.pullWhole("good", content);

    assert.equal(quick.trueBytes, content.sizeBytes);
    assert.ok((await first.end()).complete);
    assert.equal(scene.upstream.asked("GET", content.digest).length, 1);
    const moreBytes = (await scene.footprint()).peakBytes - scene.idle.peakBytes;
    assert.ok(moreBytes <= 128 * mib, `${Math.round(moreBytes / mib)} MiB more than idle`);
    for (const client of slow.slice(0, 5)) client.resume();
    for (const client of slow.slice(0, 5)) assert.ok((await client.end()).complete);
    for (const client of slow) client[Symbol.dispose]();
    await scene.assertSound();
  });
}

const bodies: Readonly<Record<string, readonly [header: string, piece: string]>> = {
  "in chunks": ["transfer-encoding: chunked", "5\r\nabcde\r\n"],
  "of a length": ["content-length: 9999999999", "abcdefghij"],
};

for (const [name, [header, piece]] of Object.entries(bodies)) {
  test(`GETs with bodies ${name} that never end are answered, and disturb nobody`, async () => {
    await using scene = await FaultProcessScene.start();
    const content = scene.upstream.blob(`endless body ${name}`, mib);
    const endless = Array.from({ length: 20 }, () => {
      const head = `GET /v2/good/app/blobs/${content.digest} HTTP/1.1\r\nhost: x\r\n${header}\r\n\r\n`;
      return endlessRequest(scene.sluice.url, head, piece);
    });

    await scene.pullWhole("good", content);
    for (const { sawBytes } of endless) await sawBytes(mib);

    const moreBytes = (await scene.footprint()).peakBytes - scene.idle.peakBytes;
    assert.ok(moreBytes <= 96 * mib, `${Math.round(moreBytes / mib)} MiB more than idle`);
    for (const { socket } of endless) socket.destroy();
    assert.equal(scene.upstream.asked("GET", content.digest).length, 1);
    await scene.assertSound();
  });
}

test("1000 GETs in one go on one connection are answered in their order, or their connection is ended", async () => {
  await using scene = await FaultScene.start();
  const contents = Array.from({ length: 10 }, (_, at) =>
    scene.upstream.blob(`in a row ${at}`, 1000),
  );
  for (const content of contents) await scene.pullWhole("good", content);
  const asked = Array.from({ length: 1000 }, (_, at) => contents[at % 10]?.digest ?? "");
  const { hostname, port } = new URL(scene.mirror.url);
  using socket = disposable(connect(Number(port), hostname));
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const ended = once(socket, "close");

  for (const [at, digest] of asked.entries()) {
    const last = at === asked.length - 1 ? "connection: close\r\n" : "";
    socket.write(`GET /v2/good/app/blobs/${digest} HTTP/1.1\r\nhost: x\r\n${last}\r\n`);
  }
  await ended;

  const text = Buffer.concat(chunks).toString("latin1");
  const answered = [...text.matchAll(/^docker-content-digest: (\S+)\r$/gim)].map(
    ([, digest]) => digest,
  );
  assert.deepEqual(answered, asked.slice(0, answered.length));
  assert.equal(answered.length, asked.length);
  for (const [at, content] of contents.entries()) {
    const bytes = content.slice(0, 1000).toString("latin1");
    assert.equal(text.split(bytes).length - 1, 100, `blob ${at}`);
  }
  await scene.assertSound();
});

test("1000 connections that say nothing keep nobody from pulling", async () => {
  await using scene = await FaultScene.start();
  const { hostname, port } = new URL(scene.mirror.url);
  const idle = Array.from({ length: 1000 }, () => connect(Number(port), hostname));
  for (const socket of idle) {
    socket.on("error", () => {});
    if (socket.connecting) await once(socket, "connect");
  }

  await scene.pullWhole("good", scene.upstream.blob("beside idle ones", mib));

  for (const socket of idle) socket.destroy();
  await scene.assertSound();
});

interface EndlessRequest {
  readonly socket: Socket;
  /** Resolves when at least so many bytes have come back. */
  readonly sawBytes: (bytes: number) => Promise<void>;
}

function endlessRequest(url: string, head: string, piece: string): EndlessRequest {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let seenBytes = 0;
  socket.on("error", () => {});
  socket.on("data", (chunk) => {
    seenBytes += chunk.length;
  });
  socket.write(head);
  const more = setInterval(() => socket.write(piece), 20);
  socket.on("close", () => clearInterval(more));
  const sawBytes = async (bytes: number): Promise<void> => {
    while (seenBytes < bytes && !socket.destroyed) await once(socket, "data");
    if (seenBytes < bytes) throw new Error(`the connection ended after ${seenBytes} bytes`);
  };
  return { socket, sawBytes };
}

function disposable(socket: Socket): Socket & Disposable {
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}
