import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { copyFile, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { Agent, request } from "node:https";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { type TestContext, test } from "node:test";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import { ask } from "../support/ask.ts";
import { type Certificate, makeCertificate } from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { Http2Client } from "../support/http2-client.ts";
import { noiseBlob } from "../support/images.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";

const canRun = (t: TestContext): boolean => haveAll(t, "openssl");

test("a mirror with a certificate serves pulls over TLS 1.2 and 1.3, and the admin API with its own", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["IP:127.0.0.1"]], { admin: true });
  const { mirror, upstream } = scene;
  const ca = await readFile(firstOf(scene).certificateFile);
  const blob = noiseBlob("tls", 300_000);
  upstream.addBlob("library/alpine", blob);

  const { status, bytes } = await ask(`${mirror.url}/v2/library/alpine/blobs/${blob.digest}`, {
    ca,
  });
  const metrics = await ask(`${mirror.adminUrl}/metrics`, { ca });

  assert.equal(status, 200);
  assert.ok(bytes.equals(blob.bytes));
  assert.match(
    metrics.bytes.toString(),
    /sluice_certificate_expiry_seconds\{listener="server",name="127.0.0.1"\} \d{10}\n/,
  );
  assert.equal((await greeted(scene, { maxVersion: "TLSv1.2" })).protocol, "TLSv1.2");
  assert.equal((await greeted(scene)).protocol, "TLSv1.3");
  const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "ALL@SECLEVEL=0" } as const;
  await assert.rejects(greeted(scene, old), /alert protocol version/);
});

test("who asks a port that speaks TLS without it is told so", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["IP:127.0.0.1"]]);

  const answer = await ask(scene.mirror.url.replace("https:", "http:"));

  assert.equal(answer.status, 400);
  assert.match(answer.bytes.toString(), /"this port speaks TLS: ask it by https"/);
});

test("the name that a client asks for chooses the certificate, the first is for all others", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["DNS:first.test"], ["DNS:Second.test", "DNS:*.wild.test"]]);
  const table: readonly (readonly [string | undefined, string])[] = [
    ["second.test", "DNS:Second.test"],
    ["SECOND.TEST", "DNS:Second.test"],
    ["any.wild.test", "DNS:Second.test"],
    ["a.b.wild.test", "DNS:first.test"],
    ["first.test", "DNS:first.test"],
    ["unknown.test", "DNS:first.test"],
    [undefined, "DNS:first.test"],
  ];

  for (const [servername, expected] of table) {
    const { names } = await greeted(scene, servername === undefined ? {} : { servername });
    assert.ok(names.startsWith(expected), `${servername}: ${names}`);
  }
});

test("server names of the wildest bytes in TLS greetings leave the mirror serving", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["DNS:first.test"], ["DNS:second.test"]]);
  const name = "placeholder.second.test";
  const greeting = await greetingFor(name);
  const at = greeting.indexOf(name);
  assert.ok(at > 0);

  for (const byte of [0x00, 0x01, 0x2a, 0x2e, 0x80, 0xff]) {
    for (const count of [1, name.length]) {
      const junk = Buffer.from(greeting).fill(byte, at, at + count);
      const socket = connect(scene.mirror.daemon.address.port, "127.0.0.1", () =>
        socket.write(junk),
      );
      socket.on("error", () => {});
      // A greeting back, or an alert, or an end.
      await Promise.race([once(socket, "data"), once(socket, "close")]);
      socket.destroy();
    }
  }

  assert.equal((await greeted(scene, { servername: "second.test" })).names, "DNS:second.test");
});

test("a new certificate is served to new connections, while old ones go on", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["DNS:first.test"], ["DNS:second.test"]]);
  const { certificates } = scene;
  using stack = new DisposableStack();
  const agent = stack.adopt(new Agent({ keepAlive: true }), (own) => own.destroy());
  const before = await overKept(scene, agent);
  const another = [
    await makeCertificate(scene.directory, { prefix: "new-0-", names: ["DNS:new.test"] }),
    await makeCertificate(scene.directory, {
      prefix: "new-1-",
      names: ["DNS:second.test"],
      days: 30,
    }),
  ];
  const first = await fingerprint(scene);
  const second = await fingerprint(scene, "second.test");

  for (const [at, one] of another.entries()) await replace(certificates[at], one);
  scene.reload();

  await eventually(
    "the first certificate is new",
    async () => (await fingerprint(scene)) !== first,
  );
  assert.notEqual(await fingerprint(scene, "second.test"), second);
  assert.equal(await overKept(scene, agent), before, "the kept connection goes on");
  assert.ok(scene.logs("certificates were read again").length > 0);
  const metrics = (await scene.mirror.admin("/metrics")).body.toString();
  assert.match(metrics, /listener="server",name="new.test"/);
  assert.doesNotMatch(metrics, /name="first.test"/);
});

test("pulls that run while certificates are replaced come to their end, over HTTP/1.1 and HTTP/2", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["IP:127.0.0.1"]], { server: { http2: true } });
  const { mirror, upstream, directory } = scene;
  const blob = noiseBlob("pulled meanwhile", 1_000_000);
  upstream.addBlob("library/app", blob);
  const release = upstream.hold("library/app", blob.digest, 200_000);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  const others = [
    await makeCertificate(directory, { prefix: "new-1-" }),
    await makeCertificate(directory, { prefix: "new-2-" }),
  ];
  const believed = [firstOf(scene), ...others].map((one) => readFile(one.certificateFile));
  const ca = Buffer.concat(await Promise.all(believed));
  using client = new Http2Client(mirror.url);
  const pulls = [1, 2, 3, 4, 5].flatMap(() => [
    ask(`${mirror.url}${path}`, { ca }),
    client.ask(path),
  ]);
  await eventually("the fill runs", () => upstream.count("GET", "/blobs/") === 1);
  const before = await fingerprint(scene);

  for (const another of others) {
    await replace(firstOf(scene), another);
    scene.reload();
  }
  await eventually("another is served", async () => (await fingerprint(scene)) !== before);
  release();

  for (const { bytes } of await Promise.all(pulls)) assert.ok(bytes.equals(blob.bytes));
});

test("files that cannot be used are named in the log once, and the old certificate stays until they can", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["DNS:first.test"]]);
  const { certificateFile, keyFile } = firstOf(scene);
  const first = await fingerprint(scene);
  const another = await makeCertificate(scene.directory, {
    prefix: "new-",
    names: ["DNS:new.test"],
  });
  const whole = await readFile(another.certificateFile, "utf8");
  const wrongs: readonly (readonly [string, RegExp])[] = [
    [whole.slice(0, 200), /certificate.pem does not begin with a PEM certificate; write/],
    ["", /certificate.pem does not begin/],
    [whole, /key.pem is not the key of the certificate in .*certificate.pem; put the two/],
  ];

  for (const [content, problem] of wrongs) {
    await writeFile(certificateFile, content);
    await eventually("the log says what is wrong", () => {
      scene.reload();
      return scene.problems().some((one) => problem.test(one));
    });
    assert.equal(await fingerprint(scene), first);
    await eventually("and so do metrics", async () => (await unusable(scene)) === 1);
  }
  assert.ok(scene.problems().length <= wrongs.length, scene.problems().join("\n"));

  await copyFile(another.keyFile, keyFile);
  scene.reload();

  await eventually("the new one is served", async () => (await fingerprint(scene)) !== first);
  assert.equal(await unusable(scene), 0);
});

test("a reload takes the certificates that the configuration names then, if they can be used", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["DNS:first.test"]]);
  const { mirror, directory } = scene;
  const before = await fingerprint(scene);
  const another = await makeCertificate(directory, { prefix: "new-", names: ["DNS:new.test"] });
  const broken = { ...another, keyFile: firstOf(scene).keyFile };

  mirror.reloadServer({ tls: [broken] });
  await eventually("the log says what is wrong", () => scene.problems().length > 0);
  assert.match(String(scene.problems()), /is not the key of the certificate in .*new-certificate/);
  assert.equal(await fingerprint(scene), before);
  assert.equal(await unusable(scene), 1);
  await copyFile(another.keyFile, broken.keyFile);
  mirror.reloadServer({ tls: [broken] });

  await eventually("it is served", async () => (await greeted(scene)).names === "DNS:new.test");
  assert.equal(await unusable(scene), 0);
  assert.equal(scene.logs("changed in the configuration").length, 0);
  mirror.reloadServer({ tls: [] });
  assert.equal(scene.logs("changed in the configuration").length, 1, "to speak no TLS any more");
});

test("a certificate that ends within two weeks is warned of, once a day", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["DNS:first.test"]]);
  const { mirror } = scene;
  const { certificateFile } = firstOf(scene);
  const ending = () => scene.logs("a certificate ends soon").length;
  assert.equal(ending(), 0, "by the mirror's clock it is good for months");

  const { validTo } = new X509Certificate(await readFile(certificateFile));
  mirror.setClockBy(Date.parse(validTo) - 10 * 86_400_000 - mirror.nowMs);
  await eventually("it is warned of", () => {
    scene.reload();
    return ending() > 0;
  });
  scene.reload();
  await fingerprint(scene);

  assert.equal(ending(), 1);
});

test("a client over TLS that takes nothing of a body is let go of, and the mirror goes on", async (t) => {
  if (!canRun(t)) return;
  await using scene = await tlsScene([["DNS:first.test"]], { writeIdleMs: 500 });
  const blob = noiseBlob("more than sockets hold", 32 * 1024 * 1024);
  scene.upstream.addBlob("library/alpine", blob);
  const { port } = scene.mirror.daemon.address;
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  using stack = new DisposableStack();
  stack.adopt(
    socket.on("error", () => {}),
    (own) => own.destroy(),
  );

  socket.write(`GET /v2/library/alpine/blobs/${blob.digest} HTTP/1.1\r\nHost: first.test\r\n\r\n`);

  const line = await eventually("its log line", () => {
    return scene.mirror.logLines.find(({ target }) => String(target).includes("/blobs/")) ?? null;
  });
  assert.match(JSON.stringify(line), /the client took nothing for 0.5 seconds/);
  assert.equal((await greeted(scene)).names, "DNS:first.test");
});

interface Scene extends AsyncDisposable {
  readonly mirror: TestMirror;
  readonly upstream: FakeUpstream;
  readonly certificates: readonly Certificate[];
  readonly directory: string;
  /** As SIGHUP does. */
  readonly reload: () => void;
  readonly logs: (message: string) => readonly Record<string, unknown>[];
  readonly problems: () => readonly string[];
}

interface SceneOptions extends Pick<TestMirrorOptions, "writeIdleMs" | "server"> {
  readonly admin?: boolean;
}

/** A mirror with a certificate for each list of names, and with the same ones for its admin API if that is asked for. */
async function tlsScene(
  names: readonly (readonly string[])[],
  { admin = false, ...options }: SceneOptions = {},
): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { path: directory } = stack.use(await mkdtempDisposable(`${tmpdir()}/tls-`));
  const certificates = await Promise.all(
    names.map((own, at) => makeCertificate(directory, { prefix: `${at}-`, names: own })),
  );
  const upstream = stack.use(await FakeUpstream.start());
  const upstreams = { "docker.io": upstream };
  const mirror = stack.use(
    await TestMirror.start({
      upstreams,
      tls: certificates,
      ...options,
      ...(admin ? { adminTls: certificates } : {}),
    }),
  );
  const logs = (message: string) =>
    mirror.logLines.filter(({ msg }) => String(msg).startsWith(message));
  const owned = stack.move();
  return {
    mirror,
    upstream,
    certificates,
    directory,
    reload: () => mirror.reload(upstreams),
    logs,
    problems: () => logs("a certificate cannot be used").map(({ problem }) => String(problem)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** A connection after its handshake, ended; rejects if there was none. Certificates are looked at by the test. */
async function greeted({ mirror }: Scene, options: ConnectionOptions = {}): Promise<Greeted> {
  const { port } = mirror.daemon.address;
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
  await once(socket, "secureConnect");
  const { subjectaltname = "", fingerprint256 } = socket.getPeerCertificate();
  const protocol = socket.getProtocol();
  socket.destroy();
  return { names: subjectaltname, fingerprint: fingerprint256, protocol };
}

interface Greeted {
  readonly names: string;
  readonly fingerprint: string;
  readonly protocol: string | null;
}

async function fingerprint(scene: Scene, servername?: string): Promise<string> {
  return (await greeted(scene, servername === undefined ? {} : { servername })).fingerprint;
}

/** The local port of the one connection that an agent keeps, after a request over it. */
async function overKept({ mirror }: Scene, agent: Agent): Promise<number | undefined> {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  request(`${mirror.url}/v2/`, { agent, rejectUnauthorized: false })
    .on("response", (response) => {
      const { localPort } = response.socket;
      response.resume().on("end", () => resolve(localPort));
    })
    .on("error", reject)
    .end();
  return await promise;
}

/** The first bytes of a client that asks for `servername`. */
async function greetingFor(servername: string): Promise<Buffer> {
  const server = createServer();
  const came = Promise.withResolvers<Buffer>();
  server.on("connection", (socket: Socket) =>
    socket.on("error", () => {}).once("data", came.resolve),
  );
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connectTls({ host: "127.0.0.1", port, servername }).on("error", () => {});
  const greeting = await came.promise;
  client.destroy();
  server.close();
  return greeting;
}

async function replace(
  old: Certificate | undefined,
  { certificateFile, keyFile }: Certificate,
): Promise<void> {
  assert.ok(old);
  await copyFile(certificateFile, old.certificateFile);
  await copyFile(keyFile, old.keyFile);
}

function firstOf({ certificates }: Scene): Certificate {
  const [first] = certificates;
  assert.ok(first);
  return first;
}

/** As metrics have it, of the registry's listener. */
async function unusable({ mirror }: Scene): Promise<number> {
  const text = (await mirror.admin("/metrics")).body.toString();
  return Number(/^sluice_certificates_unusable\{listener="server"\} (\d+)$/m.exec(text)?.[1]);
}
