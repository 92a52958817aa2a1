import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { rawRequest } from "../support/raw-client.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";

const image = imageOfSize("warm", 100_000);
const layer = topLayerOf(image);
const hourMs = 3_600_000;

const byTag = "/v2/team/app/manifests/latest";
const byDigest = `/v2/team/app/manifests/${image.manifest.digest}`;
const blob = `/v2/team/app/blobs/${layer.digest}`;
const list = "/v2/team/app/tags/list";

const cold = imageOfSize("cold", 100);
const coldTargets: readonly string[] = [
  "/v2/team/app/manifests/cold",
  `/v2/team/app/manifests/${cold.manifest.digest}`,
  `/v2/team/app/blobs/${topLayerOf(cold).digest}`,
  "/v2/team/cold/tags/list",
  `/v2/team/app/referrers/${cold.manifest.digest}`,
];

/** Ways to be down: where the upstream is from then on, and what a cold pull gets. */
interface Outage {
  readonly begin: (hub: FakeUpstream) => Promise<string | null>;
  readonly statuses: readonly number[];
}

const outages: Readonly<Record<string, Outage>> = {
  "refuses connections": {
    begin: async (hub) => {
      await hub.down();
      return null;
    },
    statuses: [502],
  },
  "is a black hole": {
    // Documentation addresses (RFC 5737) are routed nowhere; where there is no route at all that is said at once.
    begin: async () => "http://192.0.2.1",
    statuses: [502, 504],
  },
  "hangs after it has accepted": {
    begin: async (hub) => {
      hub.overrideAll(() => {});
      return null;
    },
    statuses: [504],
  },
  "has no address": { begin: async () => "http://nowhere.invalid", statuses: [502, 504] },
  "speaks no TLS where it should": {
    begin: async (hub) => hub.url.replace("http:", "https:"),
    statuses: [502],
  },
  "is overloaded": answering((_, response) => void response.writeHead(503).end(), [503]),
  "has a bug": answering((_, response) => void response.writeHead(500).end("oops"), [502]),
  "sends a web page": answering(
    (_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<html>please log in</html>");
    },
    [502],
  ),
  "closes without a word": answering((request) => void request.socket.destroy(), [502]),
};

for (const [name, { begin, statuses }] of Object.entries(outages)) {
  test(`warm pulls complete while upstream ${name}, cold ones say why not, and all is well when it is back`, async () => {
    await using scene = await warm();
    const { hub, mirror } = scene;
    const elsewhere = await begin(hub);
    mirror.reload({ "docker.io": elsewhere ?? hub }, waitingFor(1_500));
    const before = hub.requests.length;

    for (const [target, bytes] of [
      [byDigest, image.manifest.bytes],
      [blob, layer.bytes],
    ] as const) {
      const answer = await mirror.get(target);
      assert.equal(answer.headers["cache-status"], "sluice; hit");
      assert.deepEqual(answer.body, bytes);
      assert.equal((await mirror.head(target)).status, 200);
    }
    assert.equal(hub.requests.length, before, "by digest nobody is asked");

    mirror.advance(hourMs);
    for (const answer of [await mirror.get(byTag), await mirror.get(byTag)]) {
      assert.equal(answer.headers["docker-content-digest"], image.manifest.digest);
      assert.match(answer.headers["cache-status"] ?? "", /^sluice; fwd=stale; ttl=-3540; detail=/);
      assert.equal(answer.headers["age"], "3600");
    }
    assert.equal((await mirror.head(byTag)).status, 200);
    const tags = await mirror.get(list);
    assert.match(tags.headers["cache-status"] ?? "", /^sluice; fwd=stale; detail=/);
    assert.deepEqual(JSON.parse(tags.body.toString()).tags, ["latest"]);

    const colds = await Promise.all(coldTargets.map((target) => mirror.get(target)));
    for (const [at, answer] of colds.entries()) {
      // The first ones meet it; when it is known to be down the others are told at once.
      const expected = [...statuses, 503];
      assert.ok(expected.includes(answer.status), `${coldTargets[at]}: ${answer.status}`);
      assert.ok(answer.complete);
      const [error] = JSON.parse(answer.body.toString()).errors;
      assert.match(error.message, /^docker\.io /);
      const told = error.message.replace(/[^\x20-\x7e]/g, "?");
      assert.ok(answer.reason.endsWith(`: ${told}`), answer.reason);
      assert.equal(error.detail.upstream, "docker.io");
    }

    if (name === "refuses connections") await hub.up();
    hub.overrideAll(null);
    mirror.reload({ "docker.io": hub });
    hub.addImage("team/app", "cold", cold);
    mirror.advance(10_000);
    // Where it was left alone the first pull of a tag does not wait for the answer.
    await mirror.get(byTag);
    await mirror.idle();
    assert.equal((await mirror.get(byTag)).headers["cache-status"], "sluice; hit; ttl=60");
    for (const target of coldTargets) {
      const expected = target.includes("team/cold") ? 404 : 200;
      assert.equal((await mirror.get(target)).status, expected, target);
    }
  });
}

test("while upstream hangs only the first pull of anything stale waits, and the others ask behind the answer", async () => {
  await using scene = await warm();
  const { hub, mirror } = scene;
  hub.addImage("team/app", "other", cold);
  await mirror.get("/v2/team/app/manifests/other");
  mirror.reload({ "docker.io": hub }, waitingFor(1_500));
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.overrideAll(async (_, response) => {
    await released;
    response.writeHead(500).end();
  });
  mirror.advance(hourMs);
  const before = hub.requests.length;

  const first = await mirror.get(byTag);
  // None of these can have waited for an answer of upstream: it gives none before they have all ended.
  const others: string[] = [];
  for (let turn = 0; turn < 20; turn++) {
    const target = turn % 2 === 0 ? byTag : "/v2/team/app/manifests/other";
    others.push((await mirror.get(target)).headers["cache-status"] ?? "");
  }
  release();
  await mirror.idle();

  assert.match(first.headers["cache-status"] ?? "", /detail="docker\.io did not answer in time/);
  for (const status of others)
    assert.match(status, /detail="docker\.io gave no answer a moment ago"/);
  assert.equal(hub.requests.length, before + 2, "one question for each tag");
});

test("as soon as an upstream that hung answers again its answers are taken", async () => {
  await using scene = await warm();
  const { hub, mirror } = scene;
  // What it answers when it is back must come in time on any machine.
  mirror.reload({ "docker.io": hub }, waitingFor(3_000));
  hub.overrideAll(() => {});
  mirror.advance(hourMs);
  await mirror.get(byTag);
  await mirror.get(byTag);
  // As a connection that is lost: what hung is broken off.
  await hub.down();
  await mirror.idle();
  await hub.up();
  hub.overrideAll(null);
  const moved = imageOfSize("moved", 100);
  hub.addImage("team/app", "latest", moved);

  // Trouble is still fresh: this is answered from what is here, and asked behind the answer.
  const meanwhile = await mirror.get(byTag);
  await mirror.idle();
  const afterwards = await mirror.get(byTag);

  assert.deepEqual(meanwhile.body, image.manifest.bytes);
  assert.deepEqual(afterwards.body, moved.manifest.bytes);
  assert.equal(afterwards.headers["cache-status"], "sluice; hit; ttl=60");
});

test("an expired grant is believed while upstream hangs", async () => {
  await using scene = await warm();
  const { hub, mirror } = scene;
  mirror.reload({ "docker.io": hub }, waitingFor(1_500));
  const { promise: released, resolve: release } = Promise.withResolvers<void>();
  hub.overrideAll(async (_, response) => {
    await released;
    response.writeHead(503).end();
  });
  mirror.advance(25 * hourMs);

  const answers = [];
  for (const target of [blob, blob, byDigest, blob]) answers.push(await mirror.get(target));
  release();
  await mirror.idle();

  for (const { headers } of answers) assert.equal(headers["cache-status"], "sluice; hit");
});

test("an upstream that hangs leaves the mirror ready, and the other upstreams as they are", async () => {
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub, "ghcr.io": ghcr } });
  ghcr.addImage("team/app", "latest", image);
  hub.overrideAll(() => {});
  const hanging = Array.from({ length: 20 }, (_, at) =>
    mirror.open(`/v2/team/app/manifests/${at}`),
  );
  await eventually("all hang", () => hub.requests.length === 20);

  const other = await mirror.get(`${byTag}?ns=ghcr.io`);
  const ready = await rawRequest(mirror.adminUrl, "GET", "/readyz");
  for (const pull of hanging) pull[Symbol.dispose]();

  assert.deepEqual(other.body, image.manifest.bytes);
  assert.equal(ready.status, 200);
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

/** A mirror that has just pulled `team/app:latest` whole. */
async function warm(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({
      upstreams: { "docker.io": hub },
      settings: waitingFor(60_000),
    }),
  );
  hub.addImage("team/app", "latest", image);
  for (const target of [byTag, byDigest, blob]) await mirror.get(target);
  await mirror.idle();
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** Settings of an upstream that is waited for so long in each step, and in all. */
function waitingFor(ms: number): NonNullable<TestMirrorOptions["settings"]> {
  const timeouts = { connectMs: ms, headersMs: ms, answerMs: ms, bodyIdleMs: ms };
  return { "docker.io": { timeouts, privateRedirects: true } };
}

function answering(answer: Answer, statuses: readonly number[]): Outage {
  return {
    begin: async (hub) => {
      hub.overrideAll(answer);
      return null;
    },
    statuses,
  };
}
