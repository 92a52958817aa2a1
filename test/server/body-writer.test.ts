import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, get, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { BodyWriter, ClientGone } from "../../src/server/body-writer.ts";
import { BufferBudget } from "../../src/server/buffer-budget.ts";
import type { Batch } from "../../src/upstream/exchange/batch.ts";
import { noise } from "../support/noise.ts";

// More than the kernel takes of a connection that nobody reads.
const content = noise("borrowed", 32 * 1024 * 1024);

test("what is borrowed is given back when the socket has taken it, and not before", async () => {
  await using answering = await answerTo();
  const source = new Lender();
  const sending = send(source, answering.response);

  while (answering.response.writableLength === 0) await nextTurn();
  const got = await buffer(answering.answer);
  await sending;

  assert.ok(got.equals(content));
  assert.equal(source.outstanding, 0);
});

test("a client that leaves keeps nothing of what was borrowed for it", async () => {
  await using answering = await answerTo();
  const source = new Lender();
  const sending = send(source, answering.response);

  while (answering.response.writableLength === 0) await nextTurn();
  assert.ok(source.outstanding > 0);
  answering.answer.destroy();

  await assert.rejects(sending, ClientGone);
  assert.equal(source.outstanding, 0);
});

async function send(source: Lender, response: ServerResponse): Promise<void> {
  using writer = new BodyWriter(response, 60_000);
  using lent = new BufferBudget(16 * 1024 * 1024).lend(content.length);
  await writer.send(source, { first: 0, last: content.length - 1 }, lent);
}

/** Lends each byte in memory that has others in it as soon as it is given back, each other time; else it is read. */
class Lender {
  outstanding = 0;
  #asked = 0;

  borrow(positionBytes: number, limitBytes: number): Promise<Batch | null> {
    if (this.#asked++ % 4 === 3) return Promise.resolve(null);
    const memory = Buffer.from(content.subarray(positionBytes, positionBytes + limitBytes));
    const half = memory.length / 2;
    this.outstanding++;
    return Promise.resolve({
      chunks: [memory.subarray(0, half), memory.subarray(half)],
      sizeBytes: memory.length,
      [Symbol.dispose]: () => {
        this.outstanding--;
        memory.fill(0);
      },
    });
  }

  read(target: Uint8Array, positionBytes: number): Promise<number> {
    return Promise.resolve(content.copy(target, 0, positionBytes));
  }
}

interface Answering extends AsyncDisposable {
  readonly response: ServerResponse;
  /** As the client has it, which reads nothing of it yet. */
  readonly answer: IncomingMessage;
}

async function answerTo(): Promise<Answering> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const request = get({ host: "127.0.0.1", port, agent: false });
  const [, response] = (await once(server, "request")) as [IncomingMessage, ServerResponse];
  response.writeHead(200, { "content-length": String(content.length) }).flushHeaders();
  const [answer] = (await once(request, "response")) as [IncomingMessage];
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  };
  return { response, answer, [Symbol.asyncDispose]: close };
}
