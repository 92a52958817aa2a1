import assert from "node:assert/strict";
import type { OnReadOpts } from "node:net";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ReceiveBuffers } from "../../src/upstream/receive-buffers.ts";
import { noise } from "../support/noise.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const kib = 1024;
const content = noise("received", 1024 * kib);

test("what came stays as it came until it is given back, whatever comes over other sockets meanwhile", () => {
  const buffers = new ReceiveBuffers();
  const random = new SeededRandom(1);
  const sockets = [socket(), socket(), socket()];
  const held: { readonly chunk: Buffer; readonly came: Buffer }[] = [];

  for (let round = 0; round < 3_000; round++) {
    const startBytes = random.between(0, 700 * kib);
    const came = content.subarray(startBytes, startBytes + random.between(1, 256 * kib));
    held.push({ chunk: receive(buffers, random.pick(sockets), came), came });
    for (let most = random.between(0, 40); held.length > most; ) {
      const next = random.pick(held);
      assert.ok(next.chunk.equals(next.came), `in round ${round} bytes changed that were in use`);
      buffers.giveBack(next.chunk);
      held.splice(held.indexOf(next), 1);
    }
  }
});

test("what is given back is received in again, however much comes", () => {
  const buffers = new ReceiveBuffers();
  const one = socket();
  const memories = new Set<ArrayBufferLike>();

  for (let round = 0; round < 1_000; round++) {
    const chunk = receive(buffers, one, content.subarray(0, 200 * kib));
    memories.add(chunk.buffer);
    buffers.giveBack(chunk);
  }

  assert.equal(memories.size, 1);
});

test("memory of which a part is never given back, as headers are not, is never received in again", () => {
  const buffers = new ReceiveBuffers();
  const one = socket();
  const header = content.subarray(0, 20 * kib);

  const kept = receive(buffers, one, header);
  for (let round = 0; round < 1_000; round++) {
    buffers.giveBack(receive(buffers, one, content.subarray(0, 200 * kib)));
  }

  assert.ok(kept.equals(header));
});

function socket(): PassThrough {
  return new PassThrough({ highWaterMark: 1 });
}

/** What a consumer of the socket reads when these bytes come. */
function receive({ onread }: ReceiveBuffers, socket: PassThrough, bytes: Buffer): Buffer {
  assert.ok(onread.buffer instanceof Uint8Array);
  onread.buffer.set(bytes);
  onread.callback.call(socket as unknown as OnReadOpts, bytes.length, onread.buffer);
  return socket.read();
}
