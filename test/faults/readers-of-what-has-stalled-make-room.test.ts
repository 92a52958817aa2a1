import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { endingOf } from "../support/http2-client.ts";
import { http2Scene } from "../support/http2-scene.ts";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const hourMs = 3_600_000;
const timeouts = { connectMs: hourMs, headersMs: hourMs, answerMs: hourMs, bodyIdleMs: hourMs };
const server = { maxConnections: 4, maxConnectionsPerAddress: null };

// More than the sockets between the mirror and a client hold: who takes nothing waits for no upstream.
const blob = noiseBlob("stalled", 12_000_000);
const stallsAfterBytes = blob.bytes.length - 1_000_000;
const lastBytes = blob.bytes.subarray(-100);

test("an upstream that stalls in the middle of all answers leaves room to another's clients", async () => {
  await using stalled = await FakeUpstream.start();
  await using well = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": well, "stalled.example": stalled },
    settings: { "stalled.example": { timeouts } },
    server,
  });
  const image = imageOfSize("small", 1_000);
  well.addImage("library/app", "latest", image);
  stalled.addBlob("team/app", blob);
  const release = stalled.hold("team/app", blob.digest, stallsAfterBytes);
  using clients = new DisposableStack();
  const open = (target: string, connection: "close" | "keep-alive"): Reader =>
    clients.use(new Reader(mirror.daemon.address.port, { target, connection }));
  const stalledBy = "stalled.example";
  const target = `/v2/stalled.example/team/app/blobs/${blob.digest}`;
  const readers = await inTurn(4, async () => {
    const reader = open(target, "close");
    await reader.begun;
    await eventually("it has stalled, and nobody waits", () => allIsTaken(mirror, stalledBy));
    return reader;
  });
  for (const reader of readers) reader.goOn();
  await eventually("all wait for the rest", () => awaitedBy(mirror, stalledBy, 4));

  const early = await mirror.get("/v2/app/manifests/latest");
  mirror.advance(5_000);
  const late = await inTurn(2, async () => {
    const other = open("/v2/app/manifests/latest", "keep-alive");
    other.goOn();
    await other.begun;
    return other;
  });
  const refused = await mirror.get("/v2/app/manifests/latest");
  release();
  await Promise.all(readers.map(({ ended }) => ended));

  assert.equal(early.status, 503, "what is paused for less may go on");
  for (const { bytes } of late) assert.match(bytes.toString(), /^HTTP\/1\.1 200 /);
  assert.equal(refused.status, 503, "no more than its share waits for the upstream");
  assert.equal(readers.filter(({ bytes }) => bytes.includes(lastBytes)).length, 2);
  const metrics = (await mirror.admin("/metrics")).body.toString();
  assert.match(
    metrics,
    /^sluice_upstream_refused_total\{upstream="stalled.example",reason="stalled"\} 2$/m,
  );
  const told = mirror.logLines.filter(
    ({ reason }) => typeof reason === "string" && reason.includes("nothing more has come for 5 s"),
  );
  assert.ok(told.some(({ msg }) => msg === "pulls are refused, for the upstream is slow"));
});

test("over HTTP/2 a stream that has stalled makes room for another", async () => {
  await using scene = await http2Scene({ server });
  const { hub, mirror, client } = scene;
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, stallsAfterBytes);
  const streams = await inTurn(4, async () => {
    const stream = client.open(`/v2/app/blobs/${blob.digest}`);
    await once(stream, "response");
    await eventually("it has stalled, and nobody waits", () => allIsTaken(mirror, "docker.io"));
    return stream;
  });
  const endings = streams.map((stream) => endingOf(stream));
  await eventually("all wait for the rest", () => awaitedBy(mirror, "docker.io", 4));

  const early = await client.ask("/v2/");
  mirror.advance(5_000);
  const late = await client.ask("/v2/");
  release();
  const ended = await Promise.all(endings);

  assert.equal(early.status, 503);
  assert.equal(late.status, 200);
  assert.equal(
    ended.filter(({ complete, bytes }) => complete && bytes.equals(blob.bytes)).length,
    3,
  );
});

/** One behind the other. */
async function inTurn<T>(count: number, work: () => Promise<T>): Promise<T[]> {
  const all: T[] = [];
  while (all.length < count) all.push(await work());
  return all;
}

/** Who takes nothing of what has come waits for nobody, and hinders nobody from joining. */
async function allIsTaken(mirror: TestMirror, upstream: string): Promise<boolean> {
  const received = await metric(mirror, "sluice_upstream_received_bytes_total", upstream);
  return received >= stallsAfterBytes && (await awaitedBy(mirror, upstream, 0));
}

async function awaitedBy(mirror: TestMirror, upstream: string, count: number): Promise<boolean> {
  return (await metric(mirror, "sluice_upstream_awaited_by_requests", upstream)) === count;
}

async function metric(mirror: TestMirror, name: string, upstream: string): Promise<number> {
  const text = (await mirror.admin("/metrics")).body.toString();
  const line = `\n${name}{upstream="${upstream}"} `;
  return Number.parseInt(text.slice(text.indexOf(line) + line.length), 10);
}

/** A client that takes the beginning of an answer, and the rest when it is told to. */
class Reader implements Disposable {
  /** Resolves with the first bytes. */
  readonly begun: Promise<void>;
  /** Resolves when the connection is closed, however it was. */
  readonly ended: Promise<void>;
  readonly #socket: Socket;
  readonly #chunks: Buffer[] = [];

  constructor(port: number, { target, connection }: Record<"target" | "connection", string>) {
    const [begun, ended] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    this.begun = begun.promise;
    this.ended = ended.promise;
    this.#socket = connect(port, "127.0.0.1");
    this.#socket.on("error", () => {}).once("close", () => ended.resolve());
    this.#socket.once("data", () => {
      this.#socket.pause();
      begun.resolve();
    });
    this.#socket.on("data", (chunk) => this.#chunks.push(chunk));
    this.#socket.write(`GET ${target} HTTP/1.1\r\nhost: x\r\nconnection: ${connection}\r\n\r\n`);
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks);
  }

  goOn(): void {
    this.#socket.resume();
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}
