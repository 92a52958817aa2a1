import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { answersTo } from "../support/answers-to.ts";
import { ask } from "../support/ask.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { http2Scene } from "../support/http2-scene.ts";
import { imageOfSize, noiseBlob, type TestImage } from "../support/images.ts";
import { next, old, pulledTag, tagPath } from "../support/pulled-tag.ts";
import { TestMirror } from "../support/test-mirror.ts";

// What is warm is answered from memory, without anything being waited for. Nothing else may be different by that.

const digestPath = `/v2/library/app/manifests/${old.manifest.digest}`;
const json = "application/vnd.oci.image.manifest.v1+json";

test("from memory a tag is a hit to the last millisecond of its ttl, and a digest to that of half of grantTtl", async () => {
  await using scene = await pulledTag({ freshness: { grantTtlMs: 3_600_000 } });
  const { hub, mirror } = scene;
  const before = hub.requests.length;

  mirror.advance(59_999);
  const fresh = await mirror.get(tagPath);
  assert.equal(fresh.headers["cache-status"], "sluice; hit; ttl=0");
  assert.equal(fresh.headers["age"], "59");
  assert.equal(hub.requests.length, before);
  mirror.advance(1);
  const revalidated = await mirror.get(tagPath);
  assert.match(revalidated.headers["cache-status"] ?? "", /detail=revalidated/);
  assert.equal(hub.requests.length, before + 1);

  // Upstream has shown it by that, and has to again when half of the time of a grant is over.
  mirror.advance(1_800_000 - 1);
  assert.equal((await mirror.get(digestPath)).headers["cache-status"], "sluice; hit");
  await mirror.idle();
  assert.equal(hub.requests.length, before + 1);
  mirror.advance(1);
  await mirror.get(digestPath);
  await mirror.idle();
  assert.equal(hub.requests.length, before + 2);
});

test("GET, HEAD and 304 of a manifest in memory have the same headers, each its own body, by tag and by digest", async () => {
  await using scene = await pulledTag();
  const { mirror } = scene;
  const etag = `"${old.manifest.digest}"`;
  for (const path of [tagPath, digestPath]) {
    const get = await mirror.get(path);
    const head = await mirror.head(path);
    const unmodified = await mirror.get(path, { "if-none-match": etag });
    const modified = await mirror.get(path, { "if-none-match": '"another"' });

    assert.deepEqual(
      [get.status, head.status, unmodified.status, modified.status],
      [200, 200, 304, 200],
    );
    assert.ok(get.body.equals(old.manifest.bytes) && modified.body.equals(old.manifest.bytes));
    assert.equal(head.body.length + unmodified.body.length, 0);
    const shared = withoutOwn(get.headers);
    assert.deepEqual(withoutOwn(head.headers), shared);
    const { "content-type": type, "content-length": length, ...rest } = shared;
    assert.deepEqual([type, length], [json, String(old.manifest.bytes.length)]);
    assert.deepEqual(withoutOwn(unmodified.headers), rest);
  }
});

test("a manifest of any bytes, small or large, is sent byte for byte over HTTP/1.1, TLS and HTTP/2", async () => {
  await using plain = await pulledTag();
  await using secure = await http2Scene();
  // Everything that a byte can be, and some letters that are several.
  const every = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte));
  for (const [tag, times] of [
    ["small", 1],
    ["large", 1_000],
  ] as const) {
    const text = Buffer.from('{"ä€\u{1f600}":"');
    const bytes = Buffer.concat([text, ...Array.from({ length: times }, () => every)]);
    const manifest = { digest: digestOf(bytes), mediaType: json, bytes };
    for (const { hub } of [plain, secure]) {
      hub.addImage("library/app", tag, { manifest, blobs: [], children: [] });
    }
    const path = `/v2/library/app/manifests/${tag}`;
    const url = secure.mirror.url + path;
    for (let round = 0; round < 3; round++) {
      assert.ok((await plain.mirror.get(path)).body.equals(bytes), `${tag}, ${round}`);
      assert.ok((await ask(url, { ca: secure.ca })).bytes.equals(bytes), `${tag}, TLS, ${round}`);
      assert.ok((await secure.client.ask(path)).bytes.equals(bytes), `${tag}, HTTP/2, ${round}`);
    }
  }
});

test("a tag that is purged or evicted is a miss, whatever of it was in memory", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  const { purger, evictor } = mirror.daemon.mirror;
  hub.addImage("library/app", "latest", next);
  assert.ok((await mirror.get(tagPath)).body.equals(old.manifest.bytes), "fresh until then");

  await purger.purge(await purger.plan(["docker.io/library/app"], []));
  assert.ok((await mirror.get(tagPath)).body.equals(next.manifest.bytes));
  const { outcome } = mirror.logLines.at(-1) ?? {};
  assert.equal(outcome, "miss");

  await mirror.get(tagPath);
  await mirror.idle();
  await evictor.evict({ toBytes: 0 });
  await mirror.get(tagPath);
  assert.equal(mirror.logLines.at(-1)?.["outcome"], "miss");
});

test("rules and access of a reload hold at once for what is in memory", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  const statuses = async (): Promise<number[]> => [
    (await mirror.get(tagPath)).status,
    (await mirror.head(tagPath)).status,
    (await mirror.get(digestPath)).status,
  ];
  const rule = {
    match: "docker.io/library/app",
    ttlMs: null,
    staleWhileRevalidateMs: null,
    staleIfErrorMs: null,
    negativeTtlMs: null,
    keeps: true,
    denial: null,
  };
  assert.deepEqual(await statuses(), [200, 200, 200]);

  mirror.reloadFreshness({ rules: [{ ...rule, denial: "no" }] });
  assert.deepEqual(await statuses(), [403, 403, 403]);
  mirror.reloadFreshness({ rules: [{ ...rule, keeps: false }] });
  const before = hub.requests.length;
  assert.equal((await mirror.get(tagPath)).status, 200);
  assert.equal(hub.requests.length, before + 1, "what is stored of it is nobody's any more");
  mirror.reloadFreshness({ rules: [] });
  assert.deepEqual(await statuses(), [200, 200, 200]);

  mirror.reloadServer({ access: [{ match: "*", users: null, networks: null, denial: "no" }] });
  assert.deepEqual(await statuses(), [403, 403, 403]);
  mirror.reloadServer({ access: null });
  assert.deepEqual(await statuses(), [200, 200, 200]);
});

test("one path means the upstream that ns, the host, the prefix or the present configuration says, whatever it meant before", async () => {
  await using first = await FakeUpstream.start();
  await using second = await FakeUpstream.start();
  first.addImage("library/app", "1", old);
  second.addImage("library/app", "1", next);
  const settings = { "second.test": { hosts: ["second.mirror"] } };
  const upstreams = { "first.test": first, "second.test": second };
  await using mirror = await TestMirror.start({ upstreams, settings });
  const path = "/v2/library/app/manifests/1";
  const pulled = async (target: string, headers = {}): Promise<string | undefined> =>
    (await mirror.get(target, headers)).headers["docker-content-digest"];

  for (let round = 0; round < 3; round++) {
    assert.equal(await pulled(path), old.manifest.digest);
    assert.equal(await pulled(path, { host: "second.mirror" }), next.manifest.digest);
    assert.equal(await pulled(`${path}?ns=second.test`), next.manifest.digest);
    assert.equal(await pulled(`/second.test${path}`), next.manifest.digest);
    assert.equal(await pulled("/v2/second.test/library/app/manifests/1"), next.manifest.digest);
  }
  const lines = mirror.logLines.filter(({ target }) => target !== undefined);
  assert.deepEqual(
    lines.map(({ upstream }) => upstream),
    Array(3)
      .fill(["first.test", ...Array(4).fill("second.test")])
      .flat(),
  );
  const named = await mirror.get(`${path}?ns=second.test`);
  assert.equal(named.headers["oci-namespace"], "second.test");

  mirror.reload({ "second.test": second, "first.test": first }, settings);
  assert.equal(await pulled(path), next.manifest.digest);
});

test("clients whose Accept lists alternate get each what they take", async () => {
  await using scene = await pulledTag();
  const { mirror } = scene;
  for (let round = 0; round < 3; round++) {
    assert.equal((await mirror.get(tagPath, { accept: json })).status, 200);
    const other = await mirror.get(tagPath, { accept: "application/json" });
    // Upstream has nothing else, and was asked for it.
    assert.ok(other.body.equals(old.manifest.bytes));
    assert.doesNotMatch(other.headers["cache-status"] ?? "", round === 0 ? /; hit/ : /fwd=miss/);
  }
});

test("an answer from memory has the log line, the metrics and the statistics of any pull", async () => {
  await using scene = await pulledTag();
  const { mirror } = scene;
  await mirror.get(tagPath);
  await mirror.head(tagPath);
  await mirror.get("/v2/library/app/manifests/none");
  await mirror.get("/v2/library/app/manifests/none");

  const lines = mirror.logLines.filter(({ target }) => target !== undefined);
  const [miss, hit, head, ...missing] = lines;
  assert.deepEqual(Object.keys(hit ?? {}), Object.keys(miss ?? {}));
  assert.deepEqual(Object.keys(head ?? {}), Object.keys(miss ?? {}));
  assert.deepEqual([hit?.["outcome"], hit?.["sentBytes"]], ["hit", old.manifest.bytes.length]);
  assert.deepEqual([head?.["method"], head?.["sentBytes"]], ["HEAD", 0]);
  for (const line of missing) assert.equal(line["reason"], missing[0]?.["reason"]);
  const metrics = (await mirror.admin("/metrics")).body.toString();
  const labels = 'upstream="docker.io",kind="manifest"';
  assert.ok(metrics.includes(`sluice_requests_total{${labels},outcome="hit"} 2\n`));
  assert.ok(metrics.includes(`sluice_requests_total{${labels},outcome="error"} 2\n`));
  const sent = `sluice_sent_bytes_total{${labels},outcome="hit"} ${old.manifest.bytes.length}\n`;
  assert.ok(metrics.includes(sent));
  const { upstreams } = JSON.parse((await mirror.admin("/api/v1/stats")).body.toString());
  const { requests, hits, misses, errors, sentBytes } = upstreams[0];
  assert.deepEqual([requests, hits, misses, errors], [5, 2, 1, 2]);
  assert.equal(sentBytes, 2 * old.manifest.bytes.length);
});

test("requests that come in one go are answered in their order, from memory or not", async () => {
  await using scene = await pulledTag();
  const { hub, mirror } = scene;
  const blob = noiseBlob("cold", 50_000);
  hub.addBlob("library/app", blob);
  const release = hub.hold("library/app", blob.digest, 10_000);
  const large = imageOfSize("large", 100);
  hub.addImage("library/app", "large", padded(large));
  const warm = [tagPath, "/v2/library/app/manifests/large", digestPath];
  for (const path of warm) await mirror.get(path);
  const paths = [...warm, `/v2/library/app/blobs/${blob.digest}`, ...warm, ...warm, "/v2/none"];

  const answers = digestsToldBy(mirror.daemon.address.port, paths);
  release();
  const expected = paths.map((path) => {
    if (path.includes("/blobs/")) return blob.digest;
    if (path.endsWith("/large")) return padded(large).manifest.digest;
    return path === "/v2/none" ? null : old.manifest.digest;
  });

  assert.deepEqual(await answers, expected);
});

test("bytes that are no request end a connection behind the whole answers before them, and never within one", async () => {
  await using scene = await pulledTag();
  const { port } = scene.mirror.daemon.address;
  const get = `GET ${tagPath} HTTP/1.1\r\nHost: x\r\n\r\n`;

  for (const count of [1, 2, 5]) {
    const text = await answersTo(port, `${get.repeat(count)}no request\r\n\r\n`);
    const whole = text.split(old.manifest.bytes.toString("latin1")).length - 1;
    const begun = text.split("HTTP/1.1 200 OK").length - 1;

    // It may be reset while they are on their way, but what looks like an answer to a pull is one.
    const refused = text.indexOf("HTTP/1.1 400");
    if (refused >= 0) assert.deepEqual([begun, whole], [count, count]);
    assert.ok(refused < 0 || text.lastIndexOf("HTTP/1.1 200") < refused);
  }
});

/** Larger than what is kept as text. */
function padded(image: TestImage): TestImage {
  const bytes = Buffer.concat([image.manifest.bytes, Buffer.alloc(200_000, 32)]);
  return { ...image, manifest: { ...image.manifest, digest: digestOf(bytes), bytes } };
}

function withoutOwn(headers: Readonly<Record<string, string>>): Record<string, string> {
  const { "x-request-id": id, date, ...rest } = headers;
  assert.ok(id && date);
  return rest;
}

/** The digests that the answers name, in their order; the last of them ends the connection. */
async function digestsToldBy(port: number, paths: readonly string[]): Promise<(string | null)[]> {
  const requests = paths.map((path, at) => {
    const connection = at === paths.length - 1 ? "close" : "keep-alive";
    return `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: ${connection}\r\n\r\n`;
  });
  const text = await answersTo(port, requests.join(""));
  return text
    .split(/HTTP\/1\.1 \d{3} /)
    .slice(1)
    .map((answer) => /^docker-content-digest: (.*)\r$/im.exec(answer)?.[1] ?? null);
}
