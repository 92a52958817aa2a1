import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { makeCertificate } from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import type { RawRequest } from "../support/raw-client.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";

interface Scene extends AsyncDisposable {
  readonly mirror: TestMirror;
  /** A pull that is at work until `release`. */
  readonly work: () => RawRequest;
  readonly release: () => void;
}

/** A mirror with so many connections, and a blob that never comes. */
async function startScene(options: Partial<TestMirrorOptions>): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const blob = noiseBlob("held", 100_000);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, 50_000);
  resources.defer(release);
  const upstreams = { "docker.io": hub, "other.test": hub };
  const mirror = resources.use(await TestMirror.start({ upstreams, ...options }));
  const kept = resources.move();
  let works = 0;
  // Of both in turn: of few connections not all may wait for one upstream.
  const work = (): RawRequest => {
    const name = works++ % 2 === 0 ? "docker.io" : "other.test";
    return kept.use(mirror.open(`/v2/${name}/library/app/blobs/${blob.digest}`));
  };
  return { mirror, work, release, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

const most = (maxConnections: number, maxConnectionsPerAddress: number | null = null) => ({
  server: { maxConnections, maxConnectionsPerAddress },
});

test("a client beyond the limit is told so, and served once another has gone", async () => {
  await using scene = await startScene(most(2));
  const { mirror, work, release } = scene;
  const works = [work(), work()];
  for (const one of works) await one.when(() => true);

  const refused = await mirror.get("/v2/");

  assert.equal(refused.status, 503);
  assert.match(refused.reason, /2 connections or requests already/);
  assert.equal(refused.headers["retry-after"], "5");
  assert.equal(refused.headers["connection"], "close");
  assert.equal(JSON.parse(refused.body.toString()).errors[0].code, "UNAVAILABLE");
  release();
  for (const one of works) assert.ok((await one.end()).complete);
  // A client sees the end of its connection before the mirror does.
  await eventually("all connections have ended", () => counted(mirror, { open: 0, refused: 1 }));
  assert.equal((await mirror.get("/v2/")).status, 200);
  const lines = mirror.logLines.filter(({ msg }) => msg === "connections are refused");
  assert.deepEqual(
    lines.map(({ listener, reason, most }) => ({ listener, reason, most })),
    [{ listener: "server", reason: "full", most: 2 }],
  );
});

test("connections that ask for nothing make room, those first that have waited the longest", async () => {
  await using scene = await startScene(most(3));
  const { mirror, work } = scene;
  await work().when(() => true);
  const [first, second] = [await idle(mirror), await idle(mirror)];
  const ended: string[] = [];
  first.once("close", () => ended.push("first"));
  second.once("close", () => ended.push("second"));
  await eventually("they are seen", () => counted(mirror, { open: 3, refused: 0 }));

  const early = await mirror.get("/v2/");
  mirror.advance(1_000);
  const late = await mirror.get("/v2/");

  assert.equal(early.status, 503, "their requests may be on the way");
  assert.equal(late.status, 200);
  await eventually("one has made room", () => ended.length > 0);
  assert.deepEqual(ended, ["first"]);
  second.destroy();
});

test("a kept connection makes room after its answer, and not while it is answered", async () => {
  await using scene = await startScene(most(1));
  const { mirror } = scene;
  const { port } = mirror.daemon.address;
  using kept = disposable(connect(port, "127.0.0.1"));
  kept.write("GET /v2/ HTTP/1.1\r\nhost: x\r\n\r\n");
  await once(kept, "data");
  const ended = once(kept, "close");
  mirror.advance(1_000);

  assert.equal((await mirror.get("/v2/")).status, 200);
  await ended;
});

test("a flood is closed unanswered, and leaves nothing behind", async () => {
  await using scene = await startScene(most(1));
  const { mirror, work } = scene;
  const working = work();
  await working.when(() => true);

  const flood = await Promise.all(Array.from({ length: 100 }, () => idle(mirror)));
  await eventually("all are refused", () => counted(mirror, { refused: 100 }));
  const closed = flood.filter(({ destroyed, readableEnded }) => destroyed || readableEnded);
  const told = await mirror.get("/v2/").catch(() => null);

  assert.ok(closed.length >= 60, `${closed.length} of 100 were closed`);
  assert.ok(told === null || told.status === 0, "there is nobody to tell it either");
  for (const socket of flood) socket.destroy();
  await eventually("only the work is left", () => counted(mirror, { open: 1 }));
  assert.ok(working.answer);
});

test("one address takes no more than its share of the connections, and others are served", async () => {
  await using scene = await startScene(most(100, 2));
  const { mirror, work } = scene;
  await Promise.all([work(), work()].map((one) => one.when(() => true)));

  const refused = await mirror.get("/v2/");
  const { port } = mirror.daemon.address;
  const asking = request({ port, host: "127.0.0.1", localAddress: "127.0.0.2", path: "/v2/" });
  const [other] = await once(asking.end(), "response");
  other.resume();

  assert.equal(refused.status, 503);
  assert.match(refused.reason, /your address has 2 connections/);
  assert.equal(other.statusCode, 200);
});

test("over TLS a client beyond the limit is told so too", async (t) => {
  if (!haveAll(t, "openssl")) return;
  await using home = await mkdtempDisposable(join(tmpdir(), "certificate-"));
  const certificate = await makeCertificate(home.path);
  const [tls, ca] = [[certificate], await readFile(certificate.certificateFile)];
  await using scene = await startScene({ ...most(1), tls });
  const { mirror } = scene;
  using kept = disposable(connect(mirror.daemon.address.port, "127.0.0.1"));
  await eventually("it is seen", () => counted(mirror, { open: 1 }));

  const refused = await ask(`${mirror.url}/v2/`, { ca });
  mirror.advance(1_000);
  const served = await ask(`${mirror.url}/v2/`, { ca });

  assert.deepEqual([refused.status, served.status], [503, 200]);
  await eventually("it has made room", () => kept.destroyed || kept.readableEnded);
});

test("the admin API answers while clients have all their connections", async () => {
  await using scene = await startScene(most(1));
  const { mirror, work } = scene;
  await work().when(() => true);

  const { body } = await mirror.admin("/metrics");

  assert.match(body.toString(), /^sluice_connections\{listener="server"\} 1$/m);
  assert.match(body.toString(), /^sluice_connections_limit\{listener="server"\} 1$/m);
  assert.match(body.toString(), /^sluice_connections_limit\{listener="admin"\} 64$/m);
  assert.match(
    body.toString(),
    /^sluice_connections_refused_total\{listener="admin",reason="full"\} 0$/m,
  );
});

/** A connection over which nothing is asked. */
async function idle(mirror: TestMirror): Promise<Socket> {
  const socket = connect(mirror.daemon.address.port, "127.0.0.1");
  socket.on("error", () => {});
  await once(socket, "connect");
  return socket.resume();
}

async function counted(
  mirror: TestMirror,
  expected: { readonly open?: number; readonly refused?: number },
): Promise<boolean> {
  const { connections, connectionsRefused } = mirror.daemon.metrics;
  const [open] = (await connections.get()).values.filter(isOfServer);
  const refused = (await connectionsRefused.get()).values.filter(isOfServer);
  const sum = refused.reduce((all, { value }) => all + value, 0);
  const { open: wanted = open?.value, refused: counted = sum } = expected;
  return open?.value === wanted && sum === counted;
}

function isOfServer({ labels }: { readonly labels: { readonly listener?: unknown } }): boolean {
  return labels.listener === "server";
}

function disposable(socket: Socket): Socket & Disposable {
  socket.on("error", () => {}).resume();
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}
