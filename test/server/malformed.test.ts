import assert from "node:assert/strict";
import { test } from "node:test";
import { answersTo } from "../support/answers-to.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { TestMirror } from "../support/test-mirror.ts";

const host = "Host: mirror.example.com\r\n";
const end = "Connection: close\r\n\r\n";

const requests: readonly (readonly [what: string, bytes: string, status: number])[] = [
  ["no HTTP", "hello\r\n\r\n", 400],
  ["TLS", "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001", 400],
  ["HTTP/2 without asking", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400],
  ["no Host", `GET /v2/ HTTP/1.1\r\n${end}`, 400],
  ["two Hosts", `GET /v2/ HTTP/1.1\r\n${host}${host}${end}`, 400],
  ["two Hosts that differ", `GET /v2/ HTTP/1.1\r\n${host}hOST: ghcr.io\r\n${end}`, 400],
  ["a space in the target", `GET /v2/ x HTTP/1.1\r\n${host}${end}`, 400],
  ["a header without a name", `GET /v2/ HTTP/1.1\r\n${host}: x\r\n${end}`, 400],
  ["a space before the colon", `GET /v2/ HTTP/1.1\r\n${host}X : y\r\n${end}`, 400],
  ["a NUL in a header", `GET /v2/ HTTP/1.1\r\n${host}X: a\0b\r\n${end}`, 400],
  ["a folded header", `GET /v2/ HTTP/1.1\r\n${host}X: a\r\n b\r\n${end}`, 400],
  [
    "a length and chunks",
    `GET /v2/ HTTP/1.1\r\n${host}Content-Length: 5\r\nTransfer-Encoding: chunked\r\n${end}0\r\n\r\n`,
    400,
  ],
  [
    "two lengths",
    `GET /v2/ HTTP/1.1\r\n${host}Content-Length: 5\r\nContent-Length: 6\r\n${end}`,
    400,
  ],
  ["a length that is none", `GET /v2/ HTTP/1.1\r\n${host}Content-Length: -1\r\n${end}`, 400],
  ["a header of 64 KiB", `GET /v2/ HTTP/1.1\r\n${host}X: ${"x".repeat(64 * 1024)}\r\n${end}`, 431],
  ["a target of 64 KiB", `GET /v2/${"a".repeat(64 * 1024)} HTTP/1.1\r\n${host}${end}`, 431],
  ["10,000 headers", `GET /v2/ HTTP/1.1\r\n${host}${"X: y\r\n".repeat(10_000)}${end}`, 431],
  ["a target of 9 KiB", `GET /v2/${"a".repeat(9 * 1024)} HTTP/1.1\r\n${host}${end}`, 414],
  ["a Host with a path", `GET /v2/ HTTP/1.1\r\nHost: x/../healthz?\r\n${end}`, 400],
  ["a Host with a query", `GET /v2/ HTTP/1.1\r\nHost: x?ns=ghcr.io\r\n${end}`, 400],
  ["a Host with a user", `GET /v2/ HTTP/1.1\r\nHost: ghcr.io@x\r\n${end}`, 400],
  ["a list of Hosts", `GET /v2/ HTTP/1.1\r\nHost: x, ghcr.io\r\n${end}`, 400],
  ["a target for a proxy", `GET http://x.example/v2/ HTTP/1.1\r\n${host}${end}`, 404],
  ["a target for a tunnel", `OPTIONS * HTTP/1.1\r\n${host}${end}`, 405],
  ["a method that sends back", `TRACE /v2/ HTTP/1.1\r\n${host}${end}`, 405],
  ["lines that end without CR", `GET /v2/ HTTP/1.1\n${host.replace("\r", "")}\n`, 400],
  ["a header that ends without CR", `GET /v2/ HTTP/1.1\r\n${host}X: a\nY: b\r\n${end}`, 400],
  ["a CR in a header", `GET /v2/ HTTP/1.1\r\n${host}X: a\rY: b\r\n${end}`, 400],
  ["chunks behind another coding", `GET /v2/ HTTP/1.1\r\n${host}${te("chunked, gzip")}${end}`, 400],
  ["two codings", `GET /v2/ HTTP/1.1\r\n${host}${te("chunked")}${te("identity")}${end}`, 400],
  ["a coding behind a tab", `GET /v2/ HTTP/1.1\r\n${host}${te("\u000bchunked")}${end}`, 400],
  ["the same length twice", `GET /v2/ HTTP/1.1\r\n${host}${lengths("0", "0")}${end}`, 400],
  ["a list of lengths", `GET /v2/ HTTP/1.1\r\n${host}${lengths("0, 0")}${end}`, 400],
  ["a length with a sign", `GET /v2/ HTTP/1.1\r\n${host}${lengths("+0")}${end}`, 400],
  ["a length in hexadecimal", `GET /v2/ HTTP/1.1\r\n${host}${lengths("0x0")}${end}`, 400],
  ["a length beyond all", `GET /v2/ HTTP/1.1\r\n${host}${lengths("9".repeat(20))}${end}`, 400],
  ["a version that is none", `GET /v2/ HTTP/1.2\r\n${host}${end}`, 400],
  ["a method in lower case", `get /v2/ HTTP/1.1\r\n${host}${end}`, 400],
  ["an expectation that nobody meets", `GET /v2/ HTTP/1.1\r\n${host}Expect: coffee\r\n${end}`, 417],
];

function te(value: string): string {
  return `Transfer-Encoding: ${value}\r\n`;
}

function lengths(...values: readonly string[]): string {
  return values.map((value) => `Content-Length: ${value}\r\n`).join("");
}

const answeredByNode = new Set(["no Host", "an expectation that nobody meets"]);

test("a request that is none, or two, is refused once, and its connection ended", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const { port } = mirror.daemon.address;
  for (const [what, bytes, status] of requests) {
    await t.test(what, async () => {
      const text = await answersTo(port, bytes);

      const statuses = [...text.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, one]) => Number(one));
      assert.deepEqual(statuses, [status]);
      if (!answeredByNode.has(what))
        assert.match(text, /\r\n\r\n\{"errors":\[\{"code":"UNSUPPORTED"/);
    });
  }
  assert.equal((await mirror.get("/v2/")).status, 200);
  assert.equal(hub.requests.length, 0);
});

test("a client that begins a request and leaves harms nobody", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });

  const text = await answersTo(mirror.daemon.address.port, "GET /v2/ HT", { thenEnd: true });

  assert.match(text, /^(HTTP\/1\.1 400 .*)?$/s);
  assert.equal((await mirror.get("/v2/")).status, 200);
});
