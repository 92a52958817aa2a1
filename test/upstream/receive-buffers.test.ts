import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { ReceiveBuffers } from "../../src/upstream/exchange/receive-buffers.ts";
import { noise } from "../support/noise.ts";
import { SeededRandom } from "../support/seeded-random.ts";

const kib = 1024;
const content = noise("received", 1024 * kib);

test("what came stays as it came until it is given back, whatever comes over other sockets meanwhile", () => {
  const buffers = new ReceiveBuffers();
  const random = new SeededRandom(1);
  const sockets = [0, 1, 2, 3].map(() => new ReadingSocket(buffers));
  const held: { readonly chunk: Buffer; readonly came: Buffer }[] = [];

  for (let round = 0; round < 3_000; round++) {
    const startBytes = random.between(0, 700 * kib);
    const bytes = content.subarray(startBytes, startBytes + random.sizeBetween(1, 300 * kib));
    const chunk = random.pick(sockets).receive(bytes);
    held.push({ chunk, came: bytes.subarray(0, chunk.length) });
    for (const most = random.between(0, 40); held.length > most; ) {
      const next = random.pick(held);
      assert.ok(next.chunk.equals(next.came), `in round ${round} bytes changed that were in use`);
      buffers.giveBack(next.chunk);
      held.splice(held.indexOf(next), 1);
    }
  }
});

for (const [line, sizeBytes, most] of [
  ["quickly", 1024 * kib, 3],
  ["in TLS records", 16 * kib, 1],
] as const) {
  test(`what comes ${line} and is given back is received in the same memory, however much it is`, () => {
    const buffers = new ReceiveBuffers();
    const socket = new ReadingSocket(buffers);
    const memories = new Set<ArrayBufferLike>();

    for (let round = 0; round < 1_000; round++) {
      const chunk = socket.receive(content.subarray(0, sizeBytes));
      memories.add(chunk.buffer);
      buffers.giveBack(chunk);
    }

    assert.ok(memories.size <= most, `it was received in ${memories.size} places`);
  });
}

test("memory of which a part is never given back, as headers are not, is never received in again", () => {
  const buffers = new ReceiveBuffers();
  const socket = new ReadingSocket(buffers);
  const headers = [17, 20, 64, 200, 17, 200].map((size) => content.subarray(0, size * kib));

  const kept = headers.map((header) => socket.receive(header));
  for (let round = 0; round < 1_000; round++) {
    buffers.giveBack(socket.receive(content.subarray(300 * kib, 300 * kib + (1 + round) * 999)));
  }

  for (const [at, chunk] of kept.entries()) {
    assert.ok(chunk.equals(content.subarray(0, chunk.length)), `header ${at} has changed`);
  }
});

test("a socket of which nothing comes back whole, as of chunks, soon takes no more memory of ours", () => {
  const buffers = new ReceiveBuffers();
  const socket = new ReadingSocket(buffers);
  const large = new Set<ArrayBufferLike>();

  for (let round = 0; round < 1_000; round++) {
    const chunk = socket.receive(content);
    if (chunk.buffer.byteLength > 64 * kib) large.add(chunk.buffer);
    buffers.giveBack(chunk.subarray(8));
  }

  assert.ok(large.size <= 20, `${large.size} pieces were taken`);
});

/** Reads as Node's sockets do with `onread`, of which bytes come when we say so. */
class ReadingSocket extends PassThrough {
  readonly #onread: ReceiveBuffers["onread"];
  #memory: Uint8Array;

  constructor({ onread }: ReceiveBuffers) {
    super({ highWaterMark: 1 });
    this.#onread = onread;
    this.#memory = next(onread);
  }

  /** What a consumer reads when these bytes come: their beginning, as much as is read at once. */
  receive(bytes: Buffer): Buffer {
    const memory = this.#memory;
    const sizeBytes = Math.min(bytes.length, memory.length);
    memory.set(bytes.subarray(0, sizeBytes));
    Reflect.apply(this.#onread.callback, this, [sizeBytes, memory]);
    this.#memory = next(this.#onread);
    return this.read();
  }
}

function next({ buffer }: ReceiveBuffers["onread"]): Uint8Array {
  return typeof buffer === "function" ? buffer() : buffer;
}
