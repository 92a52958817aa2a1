import assert from "node:assert/strict";
import { once } from "node:events";
import { constants } from "node:http2";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { closed, endingOf } from "../support/http2-client.ts";
import { cancel, goodbyeIn, greeting, request } from "../support/http2-frames.ts";
import { http2Scene } from "../support/http2-scene.ts";
import { imageOfSize, noiseBlob, topLayerOf } from "../support/images.ts";
import { haveAll } from "../support/real-program.ts";

const { NGHTTP2_INTERNAL_ERROR, NGHTTP2_CANCEL } = constants;

const canRun = (t: TestContext): boolean => haveAll(t, "openssl");

test("an image is pulled over HTTP/2, cold and warm, as over HTTP/1.1", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { hub, mirror, client } = scene;
  const image = imageOfSize("image", 3_000_000);
  const layer = topLayerOf(image);
  hub.addImage("library/app", "v1", image);
  const blobPath = `/v2/library/app/blobs/${layer.digest}`;

  const cold = await client.ask("/v2/library/app/manifests/v1");
  const blob = await client.ask(blobPath);
  await mirror.idle();
  const warm = await client.ask(blobPath);
  const head = await client.ask(blobPath, { ":method": "HEAD" });
  const part = await client.ask(blobPath, { range: "bytes=1000-1999" });
  const parts = await client.ask(blobPath, { range: "bytes=0-9,100-109" });
  const known = await client.ask(blobPath, { "if-none-match": `"${layer.digest}"` });
  const none = await client.ask(`/v2/library/app/manifests/none`);

  assert.ok(cold.bytes.equals(image.manifest.bytes));
  assert.ok(blob.bytes.equals(layer.bytes));
  assert.ok(warm.bytes.equals(layer.bytes));
  assert.equal(warm.headers["cache-status"], "sluice; hit");
  assert.equal(warm.headers["docker-content-digest"], layer.digest);
  assert.deepEqual(
    [head.bytes.length, head.headers["content-length"]],
    [0, String(layer.bytes.length)],
  );
  assert.equal(part.status, 206);
  assert.ok(part.bytes.equals(layer.bytes.subarray(1000, 2000)));
  assert.match(String(parts.headers["content-type"]), /^multipart\/byteranges/);
  assert.deepEqual([known.status, known.bytes.length], [304, 0]);
  assert.equal(none.status, 404);
  assert.equal(JSON.parse(none.bytes.toString()).errors[0].code, "MANIFEST_UNKNOWN");
  assert.equal(hub.count("GET", "/blobs/"), 1);
  const line = mirror.logLines.find(
    ({ outcome, target }) => outcome === "hit" && target === blobPath,
  );
  assert.deepEqual(
    [line?.["status"], line?.["sentBytes"], line?.["client"]],
    [200, layer.bytes.length, "127.0.0.1"],
  );
});

test("the :authority of a request over HTTP/2 chooses the upstream, and one whose Host differs is refused", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { hub, mirror, client } = scene;
  const blob = noiseBlob("named", 1000);
  hub.addBlob("owner/app", blob);
  mirror.reload({ "docker.io": hub, "ghcr.io": hub }, { "ghcr.io": { hosts: ["ghcr.test"] } });
  const path = `/v2/owner/app/blobs/${blob.digest}`;

  await client.ask(path, { ":authority": "ghcr.test" });
  const twice = await client.ask(path, { ":authority": "ghcr.test", host: "other.test" });
  const same = await client.ask(path, { ":authority": "ghcr.test", host: "ghcr.test" });

  assert.equal(mirror.logLines.at(-3)?.["upstream"], "ghcr.io");
  assert.deepEqual([twice.status, same.status], [400, 200]);
});

test("wrong bytes end their HTTP/2 stream with an error, and no other stream of the session", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { hub, client } = scene;
  const good = noiseBlob("good", 2_000_000);
  const bad = noiseBlob("bad", 1_048_577);
  hub.addBlob("library/app", good);
  const badPath = `/v2/library/app/blobs/${bad.digest}`;
  const wrong = Buffer.from(bad.bytes).fill(0, bad.bytes.length - 1);
  hub.override(badPath, (_request, response) => {
    response.writeHead(200, { "content-length": wrong.length });
    response.end(wrong);
  });
  const release = hub.hold("library/app", good.digest, 500_000);
  const beside = client.ask(`/v2/library/app/blobs/${good.digest}`);

  const { code, bytes, complete } = await endingOf(client.open(badPath));
  release();

  assert.equal(code, NGHTTP2_INTERNAL_ERROR);
  assert.equal(complete, false);
  assert.ok(bytes.equals(bad.bytes.subarray(0, bytes.length)));
  assert.ok(bytes.length <= bad.bytes.length - 32 * 1024, `${bytes.length} bytes came`);
  assert.ok((await beside).bytes.equals(good.bytes));
});

test("twenty streams of one session that ask for one cold blob cost one GET upstream", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { hub, client } = scene;
  const blob = noiseBlob("shared", 1_000_000);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, 100_000);
  const asked = Array.from({ length: 20 }, () =>
    client.open(`/v2/library/app/blobs/${blob.digest}`),
  );

  await Promise.all(asked.map((stream) => once(stream, "response")));
  release();
  const answers = await Promise.all(asked.map((stream) => stream.toArray()));

  for (const answer of answers) assert.ok(Buffer.concat(answer).equals(blob.bytes));
  assert.equal(hub.count("GET", "/blobs/"), 1);
});

test("a stream that nobody reads holds up no other of its session, and is let go of", async (t) => {
  if (!canRun(t)) return;
  // Longer than this process, which is the other client too, can be busy with something else.
  await using scene = await http2Scene({ writeIdleMs: 3_000 });
  const { hub, mirror, client } = scene;
  const blob = noiseBlob("more than a window", 4_000_000);
  hub.addBlob("library/app", blob);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  const unread = client.open(path);
  const letGo = closed(unread);
  await once(unread, "response");

  const { bytes } = await client.ask(path);
  await letGo;

  assert.ok(bytes.equals(blob.bytes));
  assert.equal(unread.rstCode, NGHTTP2_INTERNAL_ERROR);
  await eventually("its log line", () => {
    return mirror.logLines.some(({ left }) => left === "the client took nothing for 3 seconds");
  });
  assert.equal((await client.ask("/v2/")).status, 200);
});

test("a stream that its client resets ends its pull, and the fill goes on", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { hub, mirror, client } = scene;
  const blob = noiseBlob("left", 1_000_000);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, 100_000);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  const stream = client.open(path).on("error", () => {});
  await once(stream, "response");

  stream.close(NGHTTP2_CANCEL);
  await eventually("its log line", () => {
    return mirror.logLines.some(({ left }) => left === "the client closed the connection");
  });
  release();
  await mirror.idle();

  assert.equal((await client.ask(path)).headers["cache-status"], "sluice; hit");
  assert.equal(hub.count("GET", "/blobs/"), 1);
});

test("a mirror that stops says so to sessions, lets running answers end, and ends the idle ones", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { hub, mirror, client, another } = scene;
  const blob = noiseBlob("drained", 1_000_000);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, 100_000);
  const stream = client.open(`/v2/library/app/blobs/${blob.digest}`);
  await once(stream, "response");
  const idle = another();
  assert.equal((await idle.ask("/v2/")).status, 200);
  const idleClosed = once(idle.session, "close");

  const drained = mirror.daemon.drain(AbortSignal.timeout(60_000));
  await idleClosed;
  release();
  const bytes = Buffer.concat(await stream.toArray());
  await drained;

  assert.ok(bytes.equals(blob.bytes));
  assert.deepEqual([idle.goodbye, client.goodbye], [0, 0]);
});

test("a client that opens streams only to reset them has its session ended, and others go on", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { client, mirror } = scene;
  const { port } = mirror.daemon.address;
  const options = { port, host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] };
  const hostile = connectTls(options).on("error", () => {});
  const sent: Buffer[] = [];
  hostile.on("data", (bytes: Buffer) => sent.push(bytes));
  const ended = new Promise((resolve) => hostile.once("close", resolve));

  hostile.write(greeting());
  for (let stream = 1; stream < 4_000; stream += 2)
    hostile.write(Buffer.concat([request(stream), cancel(stream)]));
  await ended;

  // The end of the connection may overtake what is said before it.
  assert.notEqual(goodbyeIn(Buffer.concat(sent)), 0);
  assert.equal((await client.ask("/v2/")).status, 200);
});

test("more headers than over HTTP/1.1 are refused, and so are more streams than anybody needs", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { client } = scene;

  // A client hears of the bounds before the answer to its first request.
  await client.ask("/v2/");
  const { maxConcurrentStreams } = client.session.remoteSettings;

  assert.equal(maxConcurrentStreams, 128);
  await assert.rejects(
    client.ask("/v2/", { "x-large": "x".repeat(17_000) }),
    /NGHTTP2_ENHANCE_YOUR_CALM/,
  );
  assert.equal((await client.ask("/v2/")).status, 200);
});

test("who does not ask for HTTP/2 is served HTTP/1.1, and nobody is offered what is not configured", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene();
  const { mirror } = scene;
  const { port } = mirror.daemon.address;
  const chosen = async (offered: readonly string[]): Promise<string | false | null> => {
    const socket = connectTls({
      port,
      host: "127.0.0.1",
      rejectUnauthorized: false,
      ALPNProtocols: [...offered],
    });
    await once(socket, "secureConnect");
    socket.destroy();
    return socket.alpnProtocol;
  };

  assert.deepEqual(
    [await chosen(["h2", "http/1.1"]), await chosen(["http/1.1"]), await chosen([])],
    ["h2", "http/1.1", false],
  );
  assert.equal((await ask(`${mirror.url}/v2/`, { ca: scene.ca })).status, 200);
});

test("streams of one session are answered beside each other, and its connection counts as one", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene({ server: { maxConnections: 2 } });
  const { hub, client, another } = scene;
  const [unread, other] = [noiseBlob("more than a window", 4_000_000), noiseBlob("other", 200_000)];
  for (const blob of [unread, other]) hub.addBlob("library/app", blob);
  await client.ask(`/v2/app/blobs/${unread.digest}`);
  const first = client.open(`/v2/app/blobs/${unread.digest}`);
  await once(first, "response");

  const beside = await client.ask(`/v2/app/blobs/${other.digest}`);
  const second = another().open(`/v2/app/blobs/${unread.digest}`);
  await once(second, "response");
  const refused = await another().ask("/v2/");

  assert.ok(beside.bytes.equals(other.bytes));
  assert.equal(refused.status, 503);
  assert.match(refused.bytes.toString(), /2 connections or requests already/);
  assert.ok((await endingOf(first)).complete);
});

test("streams are bounded in all as connections are, for each takes as much", async (t) => {
  if (!canRun(t)) return;
  await using scene = await http2Scene({ server: { maxConnections: 2 } });
  const { hub, client } = scene;
  const unread = noiseBlob("more than a window", 4_000_000);
  hub.addBlob("library/app", unread);
  await client.ask(`/v2/app/blobs/${unread.digest}`);
  const running = [1, 2].map(() => client.open(`/v2/app/blobs/${unread.digest}`));
  await Promise.all(running.map((stream) => once(stream, "response")));

  const refused = await client.ask("/v2/");
  for (const { complete } of await Promise.all(running.map(endingOf))) assert.ok(complete);
  const served = await client.ask("/v2/");

  assert.deepEqual([refused.status, served.status], [503, 200]);
  assert.equal(refused.headers["retry-after"], "5");
});
