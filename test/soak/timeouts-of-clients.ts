import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { describe, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";

// Twice the longest of the server's timeouts: nobody passes by being late.
const limitMs = 180_000;

/** Each takes as long as the timeout it waits for, so they wait together. */
describe("clients that hold a connection for nothing are let go of", { concurrency: true }, () => {
  test("one that reads no more", async () => {
    await using scene = await FaultProcessScene.start();
    const content = scene.upstream.blob("unread", 64 * 1024 * 1024);
    using client = scene.open("good", content);
    await client.when(({ bodyBytes }) => bodyBytes > 0);

    client.pause();
    const line = await eventually(
      "the mirror has given it up",
      () => scene.sluice.log.find(({ left }) => left !== undefined) ?? null,
      limitMs,
    );

    assert.equal(line["digest"], content.digest);
    client.resume();
    assert.equal((await client.end()).complete, false);
    await scene.assertSound();
  });

  const heads: Readonly<Record<string, string>> = {
    "a request line that never ends": "GET /v2/",
    "headers that never end": "GET /v2/ HTTP/1.1\r\nhost: x\r\nx-one: ",
    "a body in chunks that never ends":
      "GET /v2/ HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n",
    "a body that never gets as long as it says":
      "GET /v2/ HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\na",
    "a request that never begins": "",
  };
  for (const [name, head] of Object.entries(heads)) {
    test(`one that sends ${name}`, { timeout: limitMs }, async () => {
      await using scene = await FaultProcessScene.start();
      const { hostname, port } = new URL(scene.sluice.url);
      const socket: Socket = connect(Number(port), hostname);
      socket.on("error", () => {});
      socket.resume();
      socket.write(head);
      const more = setInterval(() => {
        if (head !== "") socket.write(name.includes("chunks") ? "1\r\na\r\n" : "a");
      }, 1000);

      await once(socket, "close");

      clearInterval(more);
      await scene.assertSound();
    });
  }
});
