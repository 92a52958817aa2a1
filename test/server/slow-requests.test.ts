import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const upstreams = { "docker.io": "http://127.0.0.1:9" };

const impatient = {
  requestTimeouts: { headersTimeout: 200, requestTimeout: 400, connectionsCheckingInterval: 20 },
};

const slow: Readonly<Record<string, readonly [first: string, piece: string]>> = {
  "says nothing": ["", ""],
  "sends a header byte by byte": ["GET /v2/ HTTP/1.1\r\nHost: x\r\nX: ", "y"],
  "sends header after header": ["GET /v2/ HTTP/1.1\r\nHost: x\r\n", "X: y\r\n"],
};

for (const [what, [first, piece]] of Object.entries(slow)) {
  test(`a client that ${what} is told that its time is over, and let go of`, async () => {
    await using mirror = await TestMirror.start({ upstreams, ...impatient });

    const text = await allThatComes(mirror, first, piece);

    assert.match(text, /^HTTP\/1\.1 408 Request Timeout\r\n/);
    assert.match(text, /\{"errors":\[\{"code":"UNSUPPORTED","message":"the request took too long/);
  });
}

test("a GET whose body never ends is answered, and then let go of", async () => {
  await using mirror = await TestMirror.start({ upstreams, ...impatient });
  const first = "GET /v2/ HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";

  const text = await allThatComes(mirror, first, "1\r\na\r\n");

  assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
});

const interruptions: Readonly<Record<string, readonly [header: string, piece: string]>> = {
  "what is no request": ["", "garbage\r\n\r\n"],
  "a header without an end": ["", `GET /${"a".repeat(20_000)}`],
  "a body that never ends": ["Transfer-Encoding: chunked\r\n", "1\r\na\r\n"],
};

for (const [what, [header, piece]] of Object.entries(interruptions)) {
  // Words of ours in the middle of a body would be counted as bytes of the blob.
  test(`a client that sends ${what} in the middle of its answer gets nothing but bytes of the blob`, async () => {
    await using hub = await FakeUpstream.start();
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, ...impatient });
    const blob = noiseBlob("held", 400_000);
    hub.addBlob("library/app", blob);
    const release = hub.hold("library/app", blob.digest, 200_000);
    const head = `GET /v2/app/blobs/${blob.digest} HTTP/1.1\r\nHost: x\r\n${header}\r\n`;

    const text = await allThatComes(mirror, head, piece, (seen) => seen.length > 100_000);

    release();
    const body = Buffer.from(text.slice(text.indexOf("\r\n\r\n") + 4), "latin1");
    assert.match(text, /^HTTP\/1\.1 200 OK\r\n/);
    assert.ok(body.length < 400_000 && body.equals(blob.bytes.subarray(0, body.length)));
  });
}

test("requests in one go are answered one after the other, and the next is not begun before", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blobs = Array.from({ length: 20 }, (_, at) => noiseBlob(`in a row ${at}`, 100_000));
  for (const blob of blobs) hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blobs[0]?.digest ?? assert.fail(), 50_000);
  const requests = blobs.map(
    ({ digest }, at) =>
      `GET /v2/app/blobs/${digest} HTTP/1.1\r\nHost: x\r\n${at === 19 ? "Connection: close\r\n" : ""}\r\n`,
  );
  let asked = 0;

  const text = await allThatComes(mirror, requests.join(""), "", (seen) => {
    if (seen.length > 30_000 && asked === 0) {
      asked = hub.requests.length;
      release();
    }
    return false;
  });

  assert.equal(asked, 1);
  const answered = [...text.matchAll(/^docker-content-digest: (\S+)\r$/gim)].map(([, one]) => one);
  assert.deepEqual(
    answered,
    blobs.map(({ digest }) => digest),
  );
});

test("a client that asks a thousand times without waiting for an answer is let go of", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const blob = noiseBlob("held", 100_000);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, 50_000);
  const request = `GET /v2/app/blobs/${blob.digest} HTTP/1.1\r\nHost: x\r\n\r\n`;

  const text = await allThatComes(mirror, request.repeat(1_100), "");

  release();
  assert.equal(text.match(/^HTTP\/1\.1 /gm)?.length ?? 0, text === "" ? 0 : 1);
  assert.equal((await mirror.get("/v2/")).status, 200);
});

/** All that comes back until the mirror ends the connection, over which `piece` is sent again and again once `until` holds. */
async function allThatComes(
  mirror: TestMirror,
  first: string,
  piece: string,
  until: (seen: string) => boolean = () => true,
): Promise<string> {
  const socket: Socket = connect(mirror.daemon.address.port, "127.0.0.1");
  let seen = "";
  let closed = false;
  socket.setEncoding("latin1").on("data", (text: string) => {
    seen += text;
    until(seen);
  });
  // The mirror may end the connection while bytes are still on their way to it.
  socket
    .on("error", () => {})
    .on("close", () => {
      closed = true;
    });
  socket.write(first, "latin1");
  await eventually("the connection has ended", () => {
    if (!closed && piece !== "" && until(seen)) socket.write(piece, "latin1");
    return closed;
  });
  return seen;
}
