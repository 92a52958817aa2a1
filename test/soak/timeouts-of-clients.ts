import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { makeCertificate } from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

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

  test("one that never ends its greeting over TLS", { timeout: limitMs }, async (t) => {
    if (!haveAll(t, "openssl")) return;
    await using made = await mkdtempDisposable(join(tmpdir(), "slow-greeting-"));
    const tls = [await makeCertificate(made.path)];
    await using upstream = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": upstream }, tls });
    const socket = connect(mirror.daemon.address.port, "127.0.0.1");
    socket.on("error", () => {});
    socket.resume();
    // A record of 512 bytes is announced, of which a byte comes each second.
    socket.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
    const more = setInterval(() => socket.write(Buffer.from([0])), 1000);

    await once(socket, "close");

    clearInterval(more);
  });
});
