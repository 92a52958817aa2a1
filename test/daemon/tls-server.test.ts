import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import type { RequestListener, ServerResponse } from "node:http";
import { constants } from "node:http2";
import { type AddressInfo, connect } from "node:net";
import { tmpdir } from "node:os";
import { type TestContext, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { cut } from "../../src/listeners/cut.ts";
import { closeNow, Drain } from "../../src/listeners/drain.ts";
import { TlsServer } from "../../src/listeners/tls-server.ts";
import { ask } from "../support/ask.ts";
import { makeCertificate } from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { Http2Client } from "../support/http2-client.ts";
import { endingIn, greeting, request } from "../support/http2-frames.ts";
import { haveAll } from "../support/real-program.ts";

interface Started extends AsyncDisposable {
  readonly server: TlsServer;
  readonly port: number;
  readonly ca: Buffer;
}

async function start(listener: RequestListener, http2 = false): Promise<Started> {
  await using directory = await mkdtempDisposable(`${tmpdir()}/tls-`);
  const { certificateFile, keyFile } = await makeCertificate(directory.path);
  const [cert, key] = [await readFile(certificateFile), await readFile(keyFile)];
  const server = new TlsServer(
    { contextFor: () => null, http2, asksForCertificates: false },
    listener,
  );
  server.setSecureContext({ cert, key });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    server,
    port,
    ca: cert,
    [Symbol.asyncDispose]: async () => {
      if (server.listening) await closeNow(server);
    },
  };
}

const h2 = { host: "127.0.0.1", rejectUnauthorized: false, ALPNProtocols: ["h2"] };

const canRun = (t: TestContext): boolean => haveAll(t, "openssl");

test("a connection with TLS is cut by a reset, as one without it is", async (t) => {
  if (!canRun(t)) return;
  await using started = await start((request, response) => {
    response.write("a part", () => request.socket.resetAndDestroy());
  });
  const { port, ca } = started;
  const socket = connectTls({ host: "127.0.0.1", port, ca });
  const failed = once(socket, "error", { signal: AbortSignal.timeout(60_000) });
  socket.resume().write("GET / HTTP/1.0\r\n\r\n");

  // A clean end would be no error here, and the end of a body of unknown length.
  const [error] = await failed;
  assert.equal(error.code, "ECONNRESET");
  await noneLeft(started);
});

test("a server that is ended at once ends connections that never began their handshake", async (t) => {
  if (!canRun(t)) return;
  await using started = await start((_request, response) => response.end());
  const { server, port } = started;
  const accepted = once(server, "connection");
  const silent = connect(port, "127.0.0.1").on("error", () => {});
  const closed = once(silent, "close");
  await accepted;

  await closeNow(server);

  await closed;
});

test("who speaks no TLS is cut, and the next one is served", async (t) => {
  if (!canRun(t)) return;
  await using started = await start((_request, response) => response.end("here"));
  const { port, ca } = started;
  const plain = connect(port, "127.0.0.1").on("error", () => {});
  const closed = once(plain, "close");

  plain.resume().write("GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n");
  await closed;

  const { bytes } = await ask(`https://127.0.0.1:${port}/`, { ca });
  assert.equal(bytes.toString(), "here");
  await noneLeft(started);
});

test("an answer over TLS that runs when the server drains has its end", async (t) => {
  if (!canRun(t)) return;
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<() => void>();
  await using started = await start((_request, response) => {
    response.write("begin ");
    onAsked(() => void response.end("end"));
  });
  const { server, port, ca } = started;
  await using drain = new Drain(server);
  const answer = ask(`https://127.0.0.1:${port}/`, { ca });
  const finish = await asked;
  const idle = connectTls({ host: "127.0.0.1", port, ca }).on("error", () => {});
  await once(server, "secureConnection");
  const drained = drain.drain(AbortSignal.timeout(60_000));
  // Whoever only holds a connection ready is cut; who waits for an answer must not be with them.
  await once(idle.resume(), "close");
  finish();

  assert.equal((await answer).bytes.toString(), "begin end");
  await drained;
});

test("a stream that is cut is reset and never told to have ended, whatever of it is still to be sent", async (t) => {
  if (!canRun(t)) return;
  const part = Buffer.alloc(300_000);
  const cuts: readonly RequestListener[] = [
    (_request, response) => cut(response.writeHead(200)),
    (_request, response) => {
      response.writeHead(200).write(part);
      cut(response);
    },
    (_request, response) => void response.writeHead(200).write(part, () => cut(response)),
  ];
  for (const listener of cuts) {
    await using started = await start(listener, true);
    const client = connectTls({ ...h2, port: started.port }).on("error", () => {});
    const sent: Buffer[] = [];
    client.on("data", (bytes: Buffer) => sent.push(bytes));

    client.write(Buffer.concat([greeting(), request(1)]));

    const ending = await eventually("its end", () => endingIn(Buffer.concat(sent), 1));
    assert.equal(ending, constants.NGHTTP2_INTERNAL_ERROR);
    client.destroy();
  }
});

test("a stream over a connection that takes nothing is cut with its connection", async (t) => {
  if (!canRun(t)) return;
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<ServerResponse>();
  await using started = await start((_request, response) => onAsked(response), true);
  const { port } = started;
  const deaf = connectTls({ ...h2, port }).on("error", () => {});
  deaf.pause().write(Buffer.concat([greeting(), request(1)]));
  const response = await asked;
  // More than sockets hold.
  response.write(Buffer.alloc(64 * 1024 * 1024));
  const closed = new Promise((resolve) => response.once("close", resolve));

  t.mock.timers.enable({ apis: ["setTimeout"] });
  cut(response);
  t.mock.timers.tick(9_999);
  assert.equal(response.destroyed, true);
  assert.equal(response.socket?.destroyed, false);
  t.mock.timers.tick(1);
  t.mock.timers.reset();

  await closed;
  await noneLeft(started);
  deaf.destroy();
});

test("a session in which nothing is asked is ended, whatever else its client sends", async (t) => {
  if (!canRun(t)) return;
  const { promise: asked, resolve: onAsked } = Promise.withResolvers<ServerResponse>();
  await using started = await start((_request, response) => onAsked(response), true);
  using client = new Http2Client(`https://127.0.0.1:${started.port}`);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const answer = client.ask("/");
  const response = await asked;
  const streamClosed = new Promise((resolve) => response.once("close", resolve));
  const ended = new Promise((resolve) => client.session.once("close", resolve));

  t.mock.timers.tick(75_000);
  response.end("an answer that took its time");
  assert.equal((await answer).status, 200);
  await streamClosed;
  t.mock.timers.tick(74_999);
  assert.equal(
    client.session.ping(() => {}),
    true,
  );
  t.mock.timers.tick(1);
  t.mock.timers.reset();

  await ended;
  assert.equal(client.goodbye, 0);
});

async function noneLeft({ server }: Started): Promise<void> {
  await eventually("no connection is left", async () => {
    const { promise, resolve } = Promise.withResolvers<number>();
    server.getConnections((_error, count) => resolve(count));
    return (await promise) === 0;
  });
}
