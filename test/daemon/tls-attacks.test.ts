import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { type TestContext, test } from "node:test";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { ask } from "../support/ask.ts";
import { makeCertificate } from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const canRun = (t: TestContext): boolean => haveAll(t, "openssl");

test("a client that asks for a second handshake is refused it, and others are served", async (t) => {
  if (!canRun(t)) return;
  await using scene = await startScene();
  const client = await greeted(scene);
  const ended = Promise.withResolvers<void>();
  client.on("close", ended.resolve);
  client.write("GET /v2/ HTTP/1.1\r\nhost: first.test\r\n\r\n");
  await once(client, "data");

  const refused = Promise.withResolvers<Error | null>();
  client.on("error", refused.resolve);
  client.renegotiate({}, refused.resolve);

  assert.match(String(await refused.promise), /no renegotiation/);
  client.destroy();
  await ended.promise;
  await scene.assertServes();
});

// RFC 6066 has names of up to 65,535 bytes, and a greeting may come in several records.
const greetings: Readonly<Record<string, () => Buffer>> = {
  "a name of 255 bytes": () => clientHello(Buffer.alloc(255, "a")),
  "a name of 256 bytes": () => clientHello(Buffer.alloc(256, "a")),
  "a name of 16,000 bytes": () => clientHello(Buffer.alloc(16_000, "a")),
  "a name of 65,000 bytes": () => clientHello(Buffer.alloc(65_000, "a")),
  "a name of no bytes": () => clientHello(Buffer.alloc(0)),
  "a name that is longer than its list": () => clientHello(Buffer.from("x"), { named: 500 }),
  "a list that is longer than all": () => clientHello(Buffer.from("x"), { listed: 60_000 }),
  noise: () => Buffer.concat([Buffer.from([1, 0, 0, 200]), randomBytes(200)]),
};

test("a TLS greeting with a name as long as can be, or lengths that lie, ends its own connection at most", async (t) => {
  if (!canRun(t)) return;
  await using scene = await startScene();
  for (const [what, make] of Object.entries(greetings)) {
    const [type] = await answerTo(scene, recordsOf(make()));

    // A handshake that goes on, an alert, or an end without a word.
    assert.ok(type === undefined || type === handshake || type === alert, `${what}: ${type}`);
    await scene.assertServes();
  }
});

test("a flood of handshakes that are begun and left leaves nothing behind, and keeps nobody from pulling", async (t) => {
  if (!canRun(t)) return;
  await using scene = await startScene();
  const { port } = scene.mirror.daemon.address;
  const whole = recordsOf(clientHello(Buffer.from("first.test")));
  const flood = Array.from({ length: 400 }, (_, at) => {
    const socket = connect(port, "127.0.0.1").on("error", () => {});
    // Some say half of a greeting, some all of it; none says more.
    socket.resume().write(whole.subarray(0, at % 2 === 0 ? whole.length : 20));
    return socket;
  });
  await Promise.all(flood.map((socket) => socket.connecting && once(socket, "connect")));

  await scene.assertServes();

  for (const socket of flood) socket.resetAndDestroy();
  await eventually("their connections are gone", async () => {
    const { body } = await scene.mirror.admin("/metrics");
    return /^sluice_connections\{listener="server"\} 0$/m.test(body.toString());
  });
  await scene.assertServes();
});

interface Scene extends AsyncDisposable {
  readonly mirror: TestMirror;
  /** Somebody else is answered. */
  readonly assertServes: () => Promise<void>;
}

async function startScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(`${tmpdir()}/tls-`));
  const upstream = stack.use(await FakeUpstream.start());
  const tls = [
    await makeCertificate(path, { prefix: "a-", names: ["DNS:first.test", "IP:127.0.0.1"] }),
    await makeCertificate(path, { prefix: "b-", names: ["DNS:second.test"] }),
  ];
  const mirror = stack.use(await TestMirror.start({ upstreams: { "docker.io": upstream }, tls }));
  const ca = await readFile(`${path}/a-certificate.pem`);
  const owned = stack.move();
  return {
    mirror,
    assertServes: async () => {
      assert.equal((await ask(`${mirror.url}/v2/`, { ca })).status, 200);
    },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

async function greeted({ mirror }: Scene): Promise<TLSSocket> {
  const { port } = mirror.daemon.address;
  // TLS 1.3 has no second handshake.
  const maxVersion = "TLSv1.2";
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, maxVersion });
  await once(socket, "secureConnect");
  return socket;
}

/** What comes back first; nothing where the connection ends without a word. */
async function answerTo({ mirror }: Scene, greeting: Buffer): Promise<Buffer> {
  const socket = connect(mirror.daemon.address.port, "127.0.0.1");
  const came = Promise.withResolvers<Buffer>();
  socket
    .on("error", () => came.resolve(Buffer.alloc(0)))
    .on("close", () => came.resolve(Buffer.alloc(0)))
    .on("data", came.resolve);
  socket.end(greeting);
  const answer = await came.promise;
  socket.destroy();
  return answer;
}

const handshake = 0x16;
const alert = 0x15;

// RFC 8446, section 5.1.
const recordLimitBytes = 16_384;

function recordsOf(message: Buffer): Buffer {
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += recordLimitBytes) {
    const part = message.subarray(at, at + recordLimitBytes);
    records.push(Buffer.from([handshake, 3, 1]), sized(2, part));
  }
  return Buffer.concat(records);
}

/** A greeting of TLS 1.2 (RFC 5246, section 7.4.1.2) for a name, of which the lengths can be made to lie. */
function clientHello(name: Buffer, lies: { named?: number; listed?: number } = {}): Buffer {
  const entry = Buffer.concat([Buffer.from([0]), sized(2, name, lies.named)]);
  const serverName = Buffer.concat([number(2, 0), sized(2, sized(2, entry, lies.listed))]);
  const groups = Buffer.concat([number(2, 10), sized(2, sized(2, number(2, 23)))]);
  const signatures = Buffer.concat([number(2, 13), sized(2, sized(2, number(2, 0x0403)))]);
  const body = Buffer.concat([
    number(2, 0x0303),
    randomBytes(32),
    sized(1, Buffer.alloc(0)),
    sized(2, number(2, 0xc02b)),
    sized(1, Buffer.from([0])),
    sized(2, Buffer.concat([serverName, groups, signatures])),
  ]);
  return Buffer.concat([Buffer.from([1]), sized(3, body)]);
}

/** Bytes behind their number, which takes so many bytes itself. */
function sized(width: number, bytes: Buffer, told = bytes.length): Buffer {
  return Buffer.concat([number(width, told), bytes]);
}

function number(width: number, value: number): Buffer {
  const bytes = Buffer.alloc(width);
  bytes.writeUIntBE(value, 0, width);
  return bytes;
}
