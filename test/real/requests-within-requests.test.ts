import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { connect } from "node:tls";
import { ask } from "../support/ask.ts";
import { frontProxies, startFrontProxy } from "../support/front-proxies.ts";
import { haveAll } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

const hidden = "GET /v2/hidden HTTP/1.1\r\nHost: a\r\n\r\n";
const chunked = "Transfer-Encoding: chunked\r\n";
const ended = "0\r\n\r\n";

/** Headers and bodies of which one reader takes the length and another the chunks, in the ways that are known. */
const ways: readonly string[] = [
  `Content-Length: ${ended.length + hidden.length}\r\n${chunked}\r\n${ended}${hidden}`,
  `${chunked}Content-Length: 4\r\n\r\n${hidden.length.toString(16)}\r\n${hidden}\r\n${ended}`,
  `Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
  ...["xchunked", "chunked, identity", "identity, chunked", "\u000bchunked", '"chunked"'].map(
    (coding) =>
      `Content-Length: ${ended.length}\r\nTransfer-Encoding: ${coding}\r\n\r\n${ended}${hidden}`,
  ),
  `Content-Length: ${ended.length}\r\nTransfer-Encoding : chunked\r\n\r\n${ended}${hidden}`,
  `Content-Length: ${ended.length}\r\n X: y\r\n${chunked}\r\n${ended}${hidden}`,
  `Content-Length: ${ended.length}\r\nX: y\n${chunked}\r\n${ended}${hidden}`,
  `${chunked}\r\n1;\n\r\n${hidden}\r\n${ended}`,
  `${chunked}\r\n${hidden.length.toString(16)} \r\n${hidden}\r\n${ended}`,
  `Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`,
];

for (const name of ["nginx", "caddy"] as const) {
  test(`what ${name} takes for one request is one to the mirror`, async (t) => {
    if (!haveAll(t, "openssl", frontProxies[name].program)) return;
    const upstreams = { "docker.io": { endpoints: ["http://127.0.0.1:9"], default: true } };
    await using mirror = await SluiceProcess.start({ upstreams });
    await using proxy = await startFrontProxy(name, mirror.host);
    const ca = await readFile(proxy.caFile);
    for (const method of ["GET", "POST"]) {
      for (const way of ways) {
        await sent(proxy.host, ca, `${method} /v2/ HTTP/1.1\r\nHost: ${proxy.host}\r\n${way}`);
        // Nobody else's answer has been left on the connections between the two.
        assert.equal((await ask(`${proxy.url}/v2/`, { ca })).status, 200);
      }
    }

    mirror.kill("SIGTERM");
    await mirror.exit();
    const targets = new Set(mirror.log.map(({ target }) => target));
    assert.ok(targets.has("/v2/"));
    assert.ok(!targets.has("/v2/hidden"));
  });
}

/** Resolves when the answer to these bytes has begun, or the connection has ended. */
async function sent(host: string, ca: Buffer, bytes: string): Promise<void> {
  const [hostname = "", port] = host.split(":");
  const socket = connect({ host: hostname, port: Number(port), ca });
  socket.on("error", () => {});
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.once("data", () => resolve());
  socket.once("close", () => resolve());
  socket.write(bytes, "latin1");
  await promise;
  socket.destroy();
}
