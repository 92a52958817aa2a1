import assert from "node:assert/strict";
import { copyFile, mkdtempDisposable, readFile } from "node:fs/promises";
import { request } from "node:https";
import { tmpdir } from "node:os";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { connect, type SecureVersion } from "node:tls";
import { fileURLToPath } from "node:url";
import type { Config } from "../../src/config/config.ts";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { Http2Client } from "../support/http2-client.ts";
import { imageOfSize } from "../support/images.ts";
import { haveAll } from "../support/real-program.ts";
import { runProgram } from "../support/run-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const twoHandshakes = fileURLToPath(new URL("programs/second-handshake.py", import.meta.url));

const canRun = (t: TestContext): boolean => haveAll(t, "openssl");

test("who shows no certificate, or one of a stranger, is refused in words where one is required", async (t) => {
  if (!canRun(t)) return;
  await using scene = await startScene({ required: true });
  const { mirror, alice, stranger } = scene;

  const told = async (shown: Certificate | null): Promise<readonly [number, string]> => {
    const { status, body } = await ask(mirror, "/v2/", shown);
    return [status, body];
  };

  assert.deepEqual((await told(alice))[0], 200);
  const [status, body] = await told(null);
  assert.equal(status, 403);
  assert.match(body, /"DENIED","message":"this mirror asks for a client certificate"/);
  assert.match((await told(stranger))[1], /your client certificate is not believed \(/);
  assert.equal((await ask(mirror, "/readyz", null)).status, 200, "probes need none");
  const http2 = new Http2Client(mirror.url);
  using _ = http2;
  assert.equal((await http2.ask("/v2/")).status, 403);
});

test("the CN of a certificate is the user's name, for access and in the log", async (t) => {
  if (!canRun(t)) return;
  const rule = { match: "*", networks: null, denial: null };
  const access = [{ ...rule, users: ["alice"] }];
  await using scene = await startScene({ required: false, server: { access } });
  const { mirror, alice, nameless } = scene;
  const path = "/v2/library/app/manifests/v1";

  assert.equal((await ask(mirror, path, alice)).status, 200);
  // No password would help, so none is asked for.
  const refused = await ask(mirror, path, null);
  assert.equal(refused.status, 403);
  assert.match(refused.body, /"DENIED","message":"this needs a client certificate/);
  assert.equal((await ask(mirror, "/v2/", null)).status, 403);
  assert.match((await ask(mirror, path, nameless)).body, /has no CN that could be a user's name/);
  const line = mirror.logLines.find(({ target, status }) => target === path && status === 200);
  assert.equal(line?.["user"], "alice");
});

// Node looks once whether a certificate is believed, and shows the one of the latest handshake: whoever had a certificate
// could be anybody by a second handshake, with one that they had made for themselves.
test("nobody becomes another user by a second handshake on their connection", async (t) => {
  if (!(canRun(t) && haveAll(t, "python3"))) return;
  const rule = { match: "*", networks: null, denial: null };
  const access = [{ ...rule, users: ["bob"] }];
  await using scene = await startScene({ required: true, server: { access } });
  const { mirror, alice, forged } = scene;
  const files = [alice, forged].flatMap((own) => [own.certificateFile, own.keyFile]);
  const path = "/v2/library/app/manifests/v1";

  const { stdout, stderr } = await runProgram("python3", [
    ...[twoHandshakes, String(mirror.daemon.address.port), path],
    ...files,
  ]);

  assert.match(stdout, /^first: HTTP\/1.1 403 .*alice may pull nothing/, stderr);
  assert.match(stdout, /^second handshake: refused$/m);
  assert.doesNotMatch(stdout, /200 OK/);
});

test("a session that is resumed is believed as little as the one that it resumes, or as the authorities of now believe it", async (t) => {
  if (!canRun(t)) return;
  for (const maxVersion of ["TLSv1.2", "TLSv1.3"] as const) {
    await using scene = await startScene({ required: true });
    const { mirror, alice, stranger, caFile, upstreams } = scene;
    const [believed, disbelieved] = [
      new Resuming(mirror, alice, maxVersion),
      new Resuming(mirror, stranger, maxVersion),
    ];
    assert.equal((await believed.ask()).status, 200);
    assert.equal((await disbelieved.ask()).status, 403);
    assert.deepEqual(await believed.ask(), { status: 200, isResumed: true });
    assert.deepEqual(await disbelieved.ask(), { status: 403, isResumed: true });

    await copyFile(stranger.certificateFile, caFile);
    mirror.reload(upstreams);

    await eventually("alice is a stranger now", async () => {
      return (await ask(mirror, "/v2/", alice)).status === 403;
    });
    assert.equal((await believed.ask()).status, 403, maxVersion);
  }
});

test("other authorities count for new connections once their file has changed", async (t) => {
  if (!canRun(t)) return;
  await using scene = await startScene({ required: true });
  const { mirror, alice, stranger, caFile, upstreams } = scene;

  await copyFile(stranger.certificateFile, caFile);
  mirror.reload(upstreams);

  await eventually("alice is a stranger now", async () => {
    return (await ask(mirror, "/v2/", alice)).status === 403;
  });
  assert.equal((await ask(mirror, "/v2/", stranger)).status, 200);
});

test("a listener that asks for no certificate refuses nobody for want of one, whatever a reload says", async (t) => {
  if (!canRun(t)) return;
  await using scene = await startScene({ required: true, server: { clientCertificates: null } });
  const { mirror, caFile } = scene;

  mirror.reloadServer({ clientCertificates: { caFile, required: true } });

  assert.equal((await ask(mirror, "/v2/", null)).status, 200);
  const warned = mirror.logLines.find(({ key }) => key === "server");
  assert.match(String(warned?.["msg"]), /takes effect with the next start/);
});

interface Scene extends AsyncDisposable {
  readonly mirror: TestMirror;
  readonly upstreams: Readonly<Record<string, FakeUpstream>>;
  readonly caFile: string;
  readonly alice: Certificate;
  /** Its authority is itself. */
  readonly stranger: Certificate;
  /** Of the same authority as alice's. */
  readonly nameless: Certificate;
  /** Made by somebody who is not bob. */
  readonly forged: Certificate;
}

async function startScene({
  required,
  server = {},
}: {
  readonly required: boolean;
  readonly server?: Partial<Config["server"]>;
}): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(`${tmpdir()}/mtls-`));
  const issuer = await makeCertificate(path, { prefix: "ca-", subject: "/CN=authority" });
  const made = (subject: string): Promise<Certificate> =>
    makeCertificate(path, { prefix: `${subject.slice(4)}-`, subject, issuer });
  const [alice, nameless] = [await made("/CN=alice"), await made("/CN=anonymous")];
  const stranger = await makeCertificate(path, { prefix: "stranger-", subject: "/CN=alice" });
  const forged = await makeCertificate(path, { prefix: "forged-", subject: "/CN=bob" });
  const caFile = `${path}/clients.pem`;
  await copyFile(issuer.certificateFile, caFile);
  const hub = stack.use(await FakeUpstream.start());
  hub.addImage("library/app", "v1", imageOfSize("app", 1000));
  const upstreams = { "docker.io": hub };
  const mirror = stack.use(
    await TestMirror.start({
      upstreams,
      tls: [await makeCertificate(path)],
      server: { http2: true, clientCertificates: { caFile, required }, ...server },
    }),
  );
  const owned = stack.move();
  return {
    mirror,
    upstreams,
    caFile,
    alice,
    stranger,
    nameless,
    forged,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** An answer over a connection of its own; the mirror's certificate is any. */
async function ask(
  mirror: TestMirror,
  path: string,
  own: Certificate | null,
): Promise<{ readonly status: number; readonly body: string }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; body: string }>();
  const options = { agent: false, rejectUnauthorized: false, ...(own && (await shown(own))) };
  request(`${mirror.url}${path}`, options)
    .on("error", reject)
    .on("response", async (response) => {
      const body = Buffer.concat(await response.toArray()).toString();
      resolve({ status: response.statusCode ?? 0, body });
    })
    .end();
  return await promise;
}

async function shown({
  certificateFile,
  keyFile,
}: Certificate): Promise<{ readonly cert: Buffer; readonly key: Buffer }> {
  return { cert: await readFile(certificateFile), key: await readFile(keyFile) };
}

/** A client that resumes its session whenever the mirror lets it. */
class Resuming {
  readonly #mirror: TestMirror;
  readonly #own: Certificate;
  readonly #maxVersion: SecureVersion;
  #session: Buffer | undefined;

  constructor(mirror: TestMirror, own: Certificate, maxVersion: SecureVersion) {
    this.#mirror = mirror;
    this.#own = own;
    this.#maxVersion = maxVersion;
  }

  async ask(): Promise<{ readonly status: number; readonly isResumed: boolean }> {
    const socket = connect({
      host: "127.0.0.1",
      port: this.#mirror.daemon.address.port,
      rejectUnauthorized: false,
      maxVersion: this.#maxVersion,
      ...(await shown(this.#own)),
      ...(this.#session && { session: this.#session }),
    });
    // With TLS 1.3 it comes behind the handshake.
    socket.on("session", (session) => {
      this.#session = session;
    });
    socket.write("GET /v2/ HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
    let isResumed = false;
    socket.once("secureConnect", () => {
      isResumed = socket.isSessionReused();
    });
    const answer = await text(socket);
    return { status: Number(answer.split(" ")[1]), isResumed };
  }
}
