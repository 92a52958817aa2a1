import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, type TestImage, topLayerOf } from "../support/images.ts";
import { InjuringRelay } from "../support/injuring-relay.ts";
import { patient } from "../support/patience.ts";
import { namedAt, startChain } from "../support/test-chain.ts";
import { TestMirror } from "../support/test-mirror.ts";

const mib = 1024 * 1024;

for (const isSized of [true, false]) {
  const length = isSized ? "a known length" : "an unknown length";
  test(`a blob of ${length} streams through a chain of three mirrors before any of them has all of it`, async () => {
    await using hub = await FakeUpstream.start();
    await using chain = await startChain({ hub });
    const upstreams = namedAt(chain.edges[0].url);
    await using last = await TestMirror.start({ upstreams });
    const blob = noiseBlob(`through three, ${length}`, 4 * mib);
    const path = `/v2/library/app/blobs/${blob.digest}`;
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    hub.override(path, async (_request, response) => {
      response.writeHead(200, isSized ? { "content-length": blob.bytes.length } : {});
      response.write(blob.bytes.subarray(0, 2 * mib));
      await released;
      response.end(blob.bytes.subarray(2 * mib));
    });

    using pull = last.open(path);
    // Each of the three may hold back 32 KiB.
    const early = await pull.when(({ body }) => body.length >= 2 * mib - 3 * 32 * 1024);
    release();
    const whole = await pull.end();

    assert.ok(!early.complete);
    assert.ok(whole.complete && whole.body.equals(blob.bytes));
    assert.equal(hub.count("GET", blob.digest), 1);
    await chain.idle();
    await last.idle();
    assert.ok((await last.get(path)).headers["cache-status"]?.endsWith("sluice; hit"));
  });
}

// Around what is held back: a blob that waits whole for its digest at each of them.
for (const sizeBytes of [0, 1, 32_767, 32_768, 32_769, 65_537]) {
  test(`a blob of ${sizeBytes} bytes comes through a chain, though each holds back its end`, async () => {
    await using hub = await FakeUpstream.start();
    await using chain = await startChain({ hub });
    const blob = noiseBlob(`held back ${sizeBytes}`, sizeBytes);
    hub.addBlob("library/app", blob);
    const path = `/v2/library/app/blobs/${blob.digest}`;

    const answers = await Promise.all(chain.edges.map((edge) => edge.get(path)));

    for (const answer of answers) assert.ok(answer.complete && answer.body.equals(blob.bytes));
    assert.equal(hub.count("GET", blob.digest), 1);
  });
}

test("twenty clients of two edges pull one cold image, and the registry is asked for each of its parts once", async () => {
  await using hub = await FakeUpstream.start();
  await using chain = await startChain({ hub });
  const image = imageOfSize("pulled by twenty", 3 * mib);
  hub.addImage("library/app", "1", image);
  const layer = topLayerOf(image);
  const release = hub.hold("library/app", layer.digest, mib);
  const byTag = "/v2/library/app/manifests/1";
  const pullBy = async (at: number): Promise<string> => {
    const edge = chain.edges[at % 2 === 0 ? 0 : 1];
    await edge.head(byTag);
    await edge.get(`/v2/library/app/manifests/${image.manifest.digest}`);
    const [config] = image.blobs;
    await edge.get(`/v2/library/app/blobs/${config?.digest}`);
    using pull = edge.open(`/v2/library/app/blobs/${layer.digest}`);
    await pull.when(({ body }) => body.length > 0);
    readers++;
    if (readers === 20) release();
    const { complete, body } = await pull.end();
    return complete ? digestOf(body) : "cut";
  };
  let readers = 0;

  const digests = await Promise.all(Array.from({ length: 20 }, (_, at) => pullBy(at)));

  assert.deepEqual(new Set(digests), new Set([layer.digest]));
  assert.equal(hub.count("HEAD", byTag), 1);
  assert.deepEqual(
    hub.requests.filter(({ method }) => method === "GET").map(({ target }) => target),
    [
      `/v2/library/app/manifests/${image.manifest.digest}`,
      ...image.blobs.map(({ digest }) => `/v2/library/app/blobs/${digest}`),
    ],
  );
});

test("ns, a prefix and the default mean the same upstream at each mirror of a chain", async () => {
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  await using chain = await startChain({ hub, ghcr });
  // By a path, and by the query that containerd uses.
  const atMiddle = `${chain.edges[0].url}?ns=`;
  const upstreams = { "docker.io": `${atMiddle}docker.io`, "ghcr.io": `${atMiddle}ghcr.io` };
  await using last = await TestMirror.start({ upstreams });
  const [ofHub, ofGhcr] = [imageOfSize("of the hub", 1_000), imageOfSize("of ghcr", 1_000)];
  hub.addImage("library/app", "1", ofHub);
  ghcr.addImage("library/app", "1", ofGhcr);
  const asked: Readonly<Record<string, TestImage>> = {
    "/v2/app/manifests/1": ofHub,
    "/v2/docker.io/app/manifests/1": ofHub,
    "/v2/library/app/manifests/1?ns=docker.io": ofHub,
    "/docker.io/v2/library/app/manifests/1": ofHub,
    "/v2/library/app/manifests/1?ns=ghcr.io": ofGhcr,
    "/v2/ghcr.io/library/app/manifests/1": ofGhcr,
    "/ghcr.io/v2/library/app/manifests/1?ns=ghcr.io": ofGhcr,
  };

  for (const [target, image] of Object.entries(asked)) {
    const answer = await last.get(target);
    assert.ok(answer.body.equals(image.manifest.bytes), `${target}: ${answer.body}`);
  }
  const ofOther = `/v2/library/app/blobs/${topLayerOf(ofHub).digest}?ns=ghcr.io`;
  assert.equal((await last.get(ofOther)).status, 404);
});

test("each mirror that was asked is in Cache-Status, the one at the registry first, and none in that of a hit", async () => {
  await using hub = await FakeUpstream.start();
  await using chain = await startChain({ hub });
  const image = imageOfSize("told by each", 50_000);
  hub.addImage("library/app", "1", image);
  const { parent, edges } = chain;
  const byTag = "/v2/library/app/manifests/1";
  const blob = `/v2/library/app/blobs/${topLayerOf(image).digest}`;
  const told = async (edge: TestMirror, target: string): Promise<string | undefined> =>
    (await edge.get(target)).headers["cache-status"];

  assert.equal(
    await told(edges[0], byTag),
    "sluice; hit, sluice; fwd=miss; stored",
    "its GET by digest is a hit of the parent, which had been asked what the tag means",
  );
  assert.equal(await told(edges[0], blob), "sluice; fwd=miss; stored, sluice; fwd=miss; stored");
  await chain.idle();
  assert.equal(await told(edges[1], blob), "sluice; hit, sluice; fwd=miss; stored");
  await chain.idle();
  for (const edge of edges) assert.equal(await told(edge, blob), "sluice; hit");
  edges[0].advance(60_000);
  assert.equal(
    await told(edges[0], byTag),
    "sluice; hit; ttl=60, sluice; fwd=stale; ttl=60; detail=revalidated",
  );
  const unseen = noiseBlob("unseen", 100);
  hub.addBlob("library/app", unseen);
  const head = await edges[0].head(`/v2/library/app/blobs/${unseen.digest}`);
  assert.equal(head.headers["cache-status"], "sluice; fwd=miss, sluice; fwd=miss");
  assert.equal(await told(parent, byTag), "sluice; hit; ttl=60");
});

test("a Cache-Status that is malformed or too long is not passed on", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  for (const [at, header] of ["no, list;", `a; detail="${"x".repeat(2_000)}"`].entries()) {
    const blob = noiseBlob(`told nonsense ${at}`, 100);
    const path = `/v2/library/app/blobs/${blob.digest}`;
    hub.override(path, (_request, response) => {
      response.writeHead(200, { "cache-status": header }).end(blob.bytes);
    });

    const answer = await mirror.get(path);

    assert.equal(answer.headers["cache-status"], "sluice; fwd=miss; stored");
  }
});

for (const sizeBytes of [1_000, 3 * mib]) {
  test(`${sizeBytes} wrong bytes of a registry reach nobody, and are sent once though each mirror insists`, async () => {
    await using hub = await FakeUpstream.start();
    await using chain = await startChain({ hub });
    const blob = noiseBlob(`wrong ${sizeBytes}`, sizeBytes);
    const wrong = Buffer.from(blob.bytes);
    wrong.writeUInt8(wrong.readUInt8(sizeBytes >> 1) ^ 1, sizeBytes >> 1);
    const path = `/v2/library/app/blobs/${blob.digest}`;
    const header = { "content-length": sizeBytes };
    hub.override(path, (_request, response) => void response.writeHead(200, header).end(wrong));

    const answers = await Promise.all(chain.edges.map((edge) => edge.get(path)));
    await chain.idle();

    for (const { status, complete, body } of answers) {
      if (status === 502) assert.match(body.toString(), /sent an answer that makes no sense/);
      else assert.ok(!complete);
    }
    assert.equal(hub.count("GET", blob.digest), 1);
    hub.override(path, null);
    hub.addBlob("library/app", blob);
    chain.parent.advance(5_000);
    for (const edge of chain.edges) assert.ok((await edge.get(path)).body.equals(blob.bytes));
  });
}

test("a blob that is cut on its way from the parent is gone on with where it ended, and the registry sends it once", async () => {
  await using hub = await FakeUpstream.start();
  await using chain = await startChain({ hub });
  await using relay = await InjuringRelay.start({ before: chain.parent.url });
  await using edge = await TestMirror.start({ upstreams: namedAt(relay.url) });
  const blob = noiseBlob("cut on the way", 2 * mib);
  hub.addBlob("library/app", blob);
  relay.injure(blob.digest, "cut");

  const answer = await edge.get(`/v2/library/app/blobs/${blob.digest}`);

  assert.deepEqual(relay.pending, []);
  assert.ok(answer.complete && answer.body.equals(blob.bytes));
  assert.equal(hub.count("GET", blob.digest), 1);
});

test("an edge that loses patience with its parent joins the same fill again, and the registry sends it once", async () => {
  await using hub = await FakeUpstream.start();
  await using chain = await startChain({ hub });
  const { parent } = chain;
  const timeouts = { ...patient, bodyIdleMs: 1_500 };
  await using edge = await TestMirror.start({
    upstreams: namedAt(parent.url),
    settings: { "docker.io": { timeouts } },
  });
  const blob = noiseBlob("slow to come", 2 * mib);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, mib);

  using pull = edge.open(`/v2/library/app/blobs/${blob.digest}`);
  // A line is written when the edge has gone away; by then it comes again, five times at most.
  await eventually("the edge has lost patience", () =>
    parent.logLines.some(({ digest }) => digest === blob.digest),
  );
  release();
  const answer = await pull.end();

  assert.ok(answer.complete && answer.body.equals(blob.bytes));
  assert.equal(hub.count("GET", blob.digest), 1);
});

interface Trouble {
  readonly answer: Answer | null;
  readonly status: number;
  readonly cause: string;
}

const failing = (status: number): Answer => {
  return (_request, response) => {
    response.writeHead(status, { "retry-after": "7" });
    response.end('{"errors":[{"code":"BUSY","message":"too much"}]}');
  };
};
const troubles: Readonly<Record<string, Trouble>> = {
  "answers 500": { answer: failing(500), status: 502, cause: "answered with status 500" },
  "answers 503": { answer: failing(503), status: 503, cause: "answered with status 503" },
  "answers 429": { answer: failing(429), status: 429, cause: "answered with status 429" },
  "refuses connections": { answer: null, status: 502, cause: "cannot be reached" },
};

for (const [what, { answer, status, cause }] of Object.entries(troubles)) {
  test(`a registry that ${what} is named once through three mirrors, and asked no more often than by one`, async () => {
    await using hub = await FakeUpstream.start();
    await using chain = await startChain({ hub });
    await using last = await TestMirror.start({ upstreams: namedAt(chain.edges[0].url) });
    const sentences: string[] = [];
    for (const [kind, reference] of [
      ["manifests", "1"],
      ["blobs", noiseBlob(what, 10).digest],
    ]) {
      if (answer) hub.overrideAll(answer);
      else await hub.down();
      const told = await last.get(`/v2/library/app/${kind}/${reference}`);
      const [error] = JSON.parse(told.body.toString()).errors;

      // The parent insists for a blob, until it leaves the registry alone, and then says 503.
      assert.ok(told.status === status || (kind === "blobs" && told.status === 503));
      if (kind === "manifests") assert.equal(told.headers["retry-after"], answer ? "7" : undefined);
      assert.equal(error.detail.upstream, "docker.io");
      assert.equal(error.detail.mirror, new URL(chain.edges[0].url).host);
      sentences.push(error.message);
      hub.overrideAll(null);
      if (!answer) await hub.up();
    }

    for (const sentence of sentences) {
      assert.equal(sentence.split(cause).length, 2, sentence);
      assert.equal(sentence.split("docker.io").length, 2, sentence);
      assert.equal(sentence.split("mirror at").length, 2, sentence);
    }
    // One mirror asks again for a blob for three seconds: 0.1, 0.2, 0.4, 0.8, 1.6 s, less up to a half.
    assert.ok(hub.count("GET", "/blobs/") <= 6, `${hub.count("GET", "/blobs/")}`);
  });
}

test("while the registry limits the parent an edge still pulls what the parent has stored", async () => {
  await using hub = await FakeUpstream.start();
  await using chain = await startChain({ hub });
  const { parent, edges } = chain;
  const [warm, cold] = [noiseBlob("warm", 100), noiseBlob("cold", 100)];
  hub.addBlob("library/app", warm);
  await parent.get(`/v2/library/app/blobs/${warm.digest}`);
  await chain.idle();
  hub.overrideAll(failing(429));

  const limited = await edges[0].get(`/v2/library/app/blobs/${cold.digest}`);
  const served = await edges[0].get(`/v2/library/app/blobs/${warm.digest}`);

  assert.equal(limited.status, 429);
  assert.ok(served.body.equals(warm.bytes));
});
