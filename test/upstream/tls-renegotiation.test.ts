import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { createSecureContext, createServer, type SecureContext } from "node:tls";
import { makeCertificate } from "../support/certificate.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

// Node would go on with whoever answers the second handshake: it looks at the certificate of the first one only.
test("an upstream that asks for another handshake with another certificate is not talked to any more", async (t) => {
  if (!haveAll(t, "openssl")) return;
  await using made = await mkdtempDisposable(`${tmpdir()}/tls-`);
  const own = await makeCertificate(made.path);
  const other = await makeCertificate(made.path, { prefix: "other-", names: ["DNS:evil.test"] });
  const [cert, key] = [await readFile(own.certificateFile), await readFile(own.keyFile)];
  const another = createSecureContext({
    cert: await readFile(other.certificateFile),
    key: await readFile(other.keyFile),
  });
  await using upstream = await RenegotiatingServer.start({ cert, key }, another);
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": upstream.url },
    settings: { "docker.io": { caPem: cert.toString() } },
  });

  const { status, body } = await mirror.get("/v2/library/app/tags/list");

  assert.ok(upstream.asked > 0, "the first handshake was good");
  assert.equal(upstream.answered, 0);
  assert.equal(status, 502, body.toString());
});

/** Speaks TLS 1.2, and answers each request after a second handshake only. */
class RenegotiatingServer implements AsyncDisposable {
  asked = 0;
  answered = 0;
  readonly url: string;
  readonly #stop: () => Promise<void>;

  private constructor(url: string, stop: () => Promise<void>) {
    this.url = url;
    this.#stop = stop;
  }

  static async start(
    own: { readonly cert: Buffer; readonly key: Buffer },
    another: SecureContext,
  ): Promise<RenegotiatingServer> {
    const server = createServer({ ...own, maxVersion: "TLSv1.2" }, (socket) => {
      // It is told that there is no other handshake.
      socket.on("error", () => socket.destroy());
      socket.once("data", () => {
        started.asked++;
        socket.setKeyCert(another);
        socket.renegotiate({}, (error) => {
          if (error) return;
          started.answered++;
          const json = '{"name":"library/app","tags":["evil"]}';
          socket.end(`HTTP/1.1 200 OK\r\ncontent-length: ${json.length}\r\n\r\n${json}`);
        });
      });
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const started = new RenegotiatingServer(url, async () => {
      const closed = once(server, "close");
      server.close();
      await closed;
    });
    return started;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stop();
  }
}
