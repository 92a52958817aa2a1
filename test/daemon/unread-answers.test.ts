import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type ServerResponse } from "node:http";
import { constants } from "node:http2";
import { type AddressInfo, connect, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { UnreadAnswers } from "../../src/listeners/unread-answers.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { http2Scene } from "../support/http2-scene.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const mediaType = "application/vnd.oci.image.manifest.v1+json";

test("a client that pipelines and reads nothing of its manifests is let go of", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, writeIdleMs: 50 });
  const bytes = Buffer.from(JSON.stringify({ padding: "x".repeat(1_000_000) }));
  const manifest = { digest: digestOf(bytes), mediaType, bytes };
  hub.addImage("library/app", "1", { manifest, blobs: [], children: [] });
  await mirror.get("/v2/library/app/manifests/1");
  using client = silent(mirror.daemon.address.port);

  // More than the kernel takes of a connection that nobody reads.
  client.write("GET /v2/library/app/manifests/1 HTTP/1.1\r\nHost: x\r\n\r\n".repeat(40));

  await eventually("its answers are asked for", () => asked(mirror, "/manifests/1") > 1);
  await eventually("it is let go of", () => openOf(mirror, "server", 0));
  assert.ok(asked(mirror, "/manifests/1") < 41, "the last ones were not begun");
});

test("a client of the admin API that pipelines and reads nothing is let go of", async () => {
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": "http://127.0.0.1:9" },
    writeIdleMs: 50,
  });
  using client = silent(mirror.daemon.adminAddress.port);

  client.write("GET /api/v1/openapi.json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".repeat(900));

  await eventually("it is seen", () => openOf(mirror, "admin", 1));
  await eventually("it is let go of", () => openOf(mirror, "admin", 0));
});

for (const path of ["/v2/", "/v2/library/none/manifests/1"]) {
  test(`streams that take nothing of ${path} are reset, and their session is served on`, async (t) => {
    if (!canRun(t)) return;
    await using scene = await http2Scene({ writeIdleMs: 50, server: { maxConnections: 128 } });
    const taking = scene.another({ settings: { initialWindowSize: 0 } });
    const streams = Array.from({ length: 128 }, () => taking.open(path));

    for (const stream of streams) stream.on("error", () => {});
    await eventually("all are reset", () => streams.every(({ closed }) => closed));

    for (const { rstCode } of streams) assert.equal(rstCode, constants.NGHTTP2_INTERNAL_ERROR);
    assert.equal((await scene.client.ask("/v2/")).status, 200, "there is room again");
  });
}

test("an answer has its time for each MiB of it, and only an answer that is not taken is ended", async () => {
  // With its header.
  const large = Buffer.alloc(32 * 1024 * 1024 - 1024);
  const unread = new UnreadAnswers(3_600_000);
  const responses: ServerResponse[] = [];
  const http = unread.lookingAfter(createServer)({}, (_request, response) => {
    responses.push(response);
    response.writeHead(200, { "content-length": large.length });
    // The second one is not ended: it takes its time.
    if (responses.length === 1) response.end(large);
    else response.flushHeaders();
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  await using _server = { [Symbol.asyncDispose]: async () => void http.close() };
  const { port } = http.address() as AddressInfo;
  using one = silent(port);
  one.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually("it is answered", () => responses.length === 1);
  using other = silent(port);
  other.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually("it is answered too", () => responses.length === 2);
  const [stalled, slow] = responses as [ServerResponse, ServerResponse];
  const times = (count: number): void => {
    for (let at = 0; at < count; at++) unread.look();
  };

  times(10 * 32 + 1);
  assert.equal(stalled.req.socket.destroyed, false);
  times(1);
  assert.equal(stalled.req.socket.destroyed, true);
  assert.equal(slow.req.socket.destroyed, false);
});

test("an answer that went to the kernel in the call that made it has nobody listen for its end", async () => {
  const unread = new UnreadAnswers(3_600_000);
  const listening: number[] = [];
  const looking = unread.lookingAfter((options, answer) =>
    createServer(options, (request, response) => {
      answer(request, response);
      listening.push(response.listenerCount("close"));
    }),
  );
  const http = looking({}, (request, response) => {
    if (request.url === "/at-once") response.end("all of it");
    else setImmediate(() => response.end("later"));
  });
  await once(http.listen(0, "127.0.0.1"), "listening");
  await using _server = { [Symbol.asyncDispose]: async () => void http.close() };
  const url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;

  await ask(`${url}/at-once`);
  await ask(`${url}/later`);

  assert.deepEqual(listening, [0, 1]);
});

test("nothing is kept of answers whose turn has not come when their connection ends", async () => {
  // Each of a thousand that a client had asked for at once was, for good.
  const unread = new UnreadAnswers(3_600_000);
  let asked = 0;
  const http = unread.lookingAfter(createServer)({}, () => void asked++);
  await once(http.listen(0, "127.0.0.1"), "listening");
  await using _server = { [Symbol.asyncDispose]: async () => void http.close() };
  const client = silent((http.address() as AddressInfo).port);
  client.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n".repeat(100));
  await eventually("all are asked for", () => asked === 100);
  assert.equal(unread.size, 1);

  client.resetAndDestroy();

  await eventually("none is looked after", () => unread.size === 0);
});

const canRun = (t: TestContext): boolean => haveAll(t, "openssl");

/** A connection of a client that reads nothing. */
function silent(port: number): Socket & Disposable {
  const socket = connect(port, "127.0.0.1").on("error", () => {});
  socket.pause();
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}

async function openOf(mirror: TestMirror, listener: string, open: number): Promise<boolean> {
  const { values } = await mirror.daemon.metrics.connections.get();
  return values.some(({ labels, value }) => labels.listener === listener && value === open);
}

function asked(mirror: TestMirror, path: string): number {
  return mirror.logLines.filter(({ target }) => String(target).includes(path)).length;
}
