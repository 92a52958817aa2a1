import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Agent, type Dispatcher } from "undici";
import { AnswerBody, BodyDeadlineExceeded } from "../../src/upstream/exchange/answer-body.ts";
import { exchange } from "../../src/upstream/exchange/exchange.ts";
import { ReceiveBuffers } from "../../src/upstream/exchange/receive-buffers.ts";
import { eventually } from "../support/eventually.ts";
import { RawUpstream } from "./raw-upstream.ts";

const hourMs = 3_600_000;

test("a body that goes on and on, however little at a time, ends at its deadline with its connection", async () => {
  await using upstream = await RawUpstream.start(({ socket }) => trickle(socket));
  await using agent = disposable(new Agent());
  const body = await bodyOf(upstream, agent);

  await assert.rejects(body.collect({ limitBytes: 1_000_000, deadlineMs: 200 }), (error) => {
    return error instanceof BodyDeadlineExceeded;
  });

  await eventually("the connection is ended", () => upstream.open === 0);
});

test("a body that ends within its deadline is whole, however many pieces it came in", async () => {
  const { body, controller } = started(new ReceiveBuffers());
  const collected = body.collect({ limitBytes: 3, deadlineMs: hourMs });

  for (const byte of "abc") {
    body.onResponseData(controller, Buffer.from(byte));
    await nextTurn();
  }
  body.onResponseEnd();

  assert.equal((await collected)?.toString(), "abc");
});

// The first byte went on to a client when a whole MiB had been received, hashed and written.
test("a body that nobody takes from yet is read no further than a little, and further once somebody does", async () => {
  const body = new AnswerBody(
    { onStart: () => {}, onHeader: () => {}, onFailure: () => {} },
    new ReceiveBuffers(),
  );
  const controller = new Controller();
  body.onRequestStart(controller);

  body.onResponseData(controller, Buffer.alloc(64 * 1024));
  assert.equal(controller.paused, true);
  assert.equal((await body.next())?.sizeBytes, 64 * 1024);
  assert.equal(controller.paused, true);

  const second = body.next();
  assert.equal(controller.paused, false);
  body.onResponseData(controller, Buffer.alloc(64 * 1024));
  assert.equal((await second)?.sizeBytes, 64 * 1024);
  body.onResponseData(controller, Buffer.alloc(64 * 1024));
  assert.equal(controller.paused, false);
  body.onResponseData(controller, Buffer.alloc(2 * 1024 * 1024));
  assert.equal(controller.paused, true);
});

test("of many bodies at once less waits of each than of few, and of the last ones more again", async () => {
  const buffers = new ReceiveBuffers();
  const all = await Promise.all(Array.from({ length: 5 }, () => begun(buffers)));
  const [first] = all;
  assert.ok(first);

  first.body.onResponseData(first.controller, mebibyte);
  assert.equal(first.controller.paused, true);

  for (const { body } of all.slice(1)) body.onResponseEnd();
  await first.body.next();
  first.body.onResponseData(first.controller, mebibyte);
  assert.equal(first.controller.paused, false);
});

test("a body that had ended before anybody took it counts for none that comes", async () => {
  const buffers = new ReceiveBuffers();
  for (let nth = 0; nth < 10; nth++) {
    const { body, controller } = started(buffers);
    body.onResponseData(controller, Buffer.alloc(1));
    body.onResponseEnd();
    await body.next();
  }
  const { body, controller } = await begun(buffers);

  body.onResponseData(controller, mebibyte);

  assert.equal(controller.paused, false);
});

const mebibyte = Buffer.alloc(1024 * 1024);

interface Started {
  readonly body: AnswerBody;
  readonly controller: Controller;
}

/** A body of which the first bytes were taken. */
async function begun(buffers: ReceiveBuffers): Promise<Started> {
  const { body, controller } = started(buffers);
  body.onResponseData(controller, Buffer.alloc(1));
  await body.next();
  return { body, controller };
}

function started(buffers: ReceiveBuffers): Started {
  const listener = { onStart: () => {}, onHeader: () => {}, onFailure: () => {} };
  const body = new AnswerBody(listener, buffers);
  const controller = new Controller();
  body.onRequestStart(controller);
  return { body, controller };
}

/** Undici's, as far as a body knows it. */
class Controller implements Dispatcher.DispatchController {
  readonly aborted = false;
  readonly reason = null;
  paused = false;

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }

  abort(): void {}
}

function trickle(socket: Socket): void {
  socket.write("HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n");
  const timer = setInterval(() => socket.write("["), 10);
  socket.on("close", () => clearInterval(timer));
}

async function bodyOf({ url }: RawUpstream, dispatcher: Agent): Promise<AnswerBody> {
  const receiveBuffers = new ReceiveBuffers();
  const timeouts = { headersMs: hourMs, bodyIdleMs: hourMs };
  const way = { dispatcher, ...timeouts, oneShot: false, receiveBuffers };
  return (await exchange(way, { url: new URL(url), method: "GET", headers: {} })).body;
}

function disposable(agent: Agent): Agent & AsyncDisposable {
  return Object.assign(agent, { [Symbol.asyncDispose]: () => agent.destroy() });
}
