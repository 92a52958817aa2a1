import assert from "node:assert/strict";
import { test } from "node:test";
import { answersTo } from "../support/answers-to.ts";
import { TestMirror } from "../support/test-mirror.ts";

/** A request that both listeners answer with 200, but for the end of its header. */
const get = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n";
/** And one with 404: what stands where a body ends, or where somebody else might take it to end. */
const next = "GET /v2/next HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";

/** Bodies as they may be, and the answers that they and what follows get. */
const bodies: Readonly<Record<string, string>> = {
  "a body of a request": `Content-Length: ${next.length}\r\n\r\n${next}`,
  "chunks of a request": `Transfer-Encoding: chunked\r\n\r\n${next.length.toString(16)}\r\n${next}\r\n0\r\n\r\n`,
  "no chunk": "tRANSFER-eNCODING:\tcHUNKED\r\n\r\n0\r\n\r\n",
  "odd names": "__proto__: a\r\nconstructor: b\r\nhasOwnProperty: c\r\n\r\n",
  "an empty line before": "\r\n\r\n",
};

/** Of these nobody can say where they end: what follows is never answered, and the connection does not last. */
const endless: Readonly<Record<string, string>> = {
  "a coding of no kind": `${get}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
  "chunks and a length": `${get}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "chunks that are coded": `${get}Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n`,
  "a chunk of a size below nothing": `${get}Transfer-Encoding: chunked\r\n\r\n-1\r\n`,
  "a chunk of a size beyond all": `${get}Transfer-Encoding: chunked\r\n\r\n${"f".repeat(17)}\r\n`,
  "a chunk that is longer than it says": `${get}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`,
  "a chunk with an endless extension": `${get}Transfer-Encoding: chunked\r\n\r\n1;${"x".repeat(20_000)}\r\na\r\n0\r\n\r\n`,
  "a chunk whose extension ends without CR": `${get}Transfer-Encoding: chunked\r\n\r\n2;\nxx\r\n0\r\n\r\n`,
  "chunks from a client of HTTP/1.0": `${get.replace("HTTP/1.1", "HTTP/1.0")}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
  "a tunnel": `${get.replace("GET /healthz", "CONNECT x:1")}\r\n`,
};

for (const listener of ["server", "admin"] as const) {
  test(`each request to ${listener} has one answer, wherever its body ends`, async () => {
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": "http://127.0.0.1:9" },
    });
    const port = portOf(mirror, listener);
    for (const [what, body] of Object.entries(bodies)) {
      assert.deepEqual(await statusesOf(port, get + body + next), [200, 404], what);
    }
    const fifty = Array.from({ length: 50 }, () => 200);
    assert.deepEqual(await statusesOf(port, `${get}\r\n`.repeat(50) + next), [...fifty, 404]);
  });

  test(`nothing behind a request to ${listener} whose end nobody knows is answered`, async () => {
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": "http://127.0.0.1:9" },
    });
    const port = portOf(mirror, listener);
    for (const [what, first] of Object.entries(endless)) {
      const statuses = await statusesOf(port, first + next);

      // Its own answer, if it had begun, and no more than a refusal.
      assert.ok(
        ["", "200", "400", "413", "200,400"].includes(statuses.join()),
        `${what}: ${statuses}`,
      );
    }
    assert.deepEqual(await statusesOf(port, next), [404]);
  });
}

function portOf({ daemon }: TestMirror, listener: "server" | "admin"): number {
  return (listener === "server" ? daemon.address : daemon.adminAddress).port;
}

/** Those of all answers that come until the connection ends. */
async function statusesOf(port: number, bytes: string): Promise<number[]> {
  const text = await answersTo(port, bytes);
  return [...text.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status));
}
