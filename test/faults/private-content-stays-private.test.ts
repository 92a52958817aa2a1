import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../../src/oci/digest.ts";
import {
  hidings,
  neverDigest,
  PrivateLab,
  type RefusalStatus,
  refusedTargets,
  seenOf,
} from "../support/private-lab.ts";
import type { RawAnswer } from "../support/raw-client.ts";

// Each may wait for upstream.
const waysAtOnce = 16;

const refusals: readonly RefusalStatus[] = [401, 403, 404];

/** A request, and the same for something that was never there. */
interface Way {
  readonly method: string;
  readonly target: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly never: string;
}

/** Every way to ask for what is private: through its repository, under each of its names, and through others. */
function waysTo({ privateImage, secret }: PrivateLab): Way[] {
  const manifest = privateImage.manifest.digest;
  const [config] = privateImage.blobs;
  assert.ok(config);
  const blobs = [secret.digest, config.digest];
  const paths = [
    ...["1", manifest].map((reference) => `manifests/${reference}`),
    ...blobs.map((digest) => `blobs/${digest}`),
    "tags/list",
    "tags/list?n=1&last=0",
    `referrers/${manifest}`,
  ];
  const byName = paths.map((path) => `/v2/team/secret/${path}`);
  const byPrefix = byName.flatMap((target) => [
    target.replace("/v2/", "/v2/docker.io/"),
    target.replace("/v2/", "/v2/index.docker.io/"),
    target.replace("/v2/", "/v2/DOCKER.io/"),
    `/docker.io${target}`,
    `${target}${target.includes("?") ? "&" : "?"}ns=registry-1.docker.io`,
  ]);
  const elsewhere = ["/v2/public/app/", "/v2/public/other/", "/v2/ghcr.io/team/secret/"];
  const byOthers = elsewhere.flatMap((place) => [
    `${place}manifests/${manifest}`,
    ...blobs.map((digest) => `${place}blobs/${digest}`),
  ]);
  // What a name means is found before anything else of the request is read, so that of each other name some ways will do.
  const others = [...byPrefix, ...byOthers].flatMap((target, at) => {
    return waysOf(target, manifest).filter((_, nth) => nth % 3 === at % 3);
  });
  return [...byName.flatMap((target) => waysOf(target, manifest)), ...others];
}

function waysOf(target: string, manifest: Digest): Way[] {
  const digest = /sha256:[0-9a-f]{64}/.exec(target)?.[0] ?? manifest;
  const never = target.replace("team/secret", "team/nought").replace(digest, neverDigest);
  const etag = { "if-none-match": `"${digest}"` };
  return [
    { method: "GET", target, never },
    { method: "HEAD", target, never },
    { method: "GET", target, never, headers: etag },
    { method: "HEAD", target, never, headers: etag },
    { method: "GET", target, never, headers: { "if-none-match": "*" } },
    { method: "GET", target, never, headers: { range: "bytes=0-9" } },
    { method: "GET", target, never, headers: { range: "bytes=0-1,5-9" } },
    { method: "GET", target, never, headers: { range: "bytes=0-9", "if-range": `"${digest}"` } },
    { method: "GET", target, never, headers: { authorization: "Basic d3Jvbmc6d3Jvbmc=" } },
  ];
}

/** Asks in this way, and for what was never there; the answers must be the same refusal. */
async function assertRefused(
  lab: PrivateLab,
  way: Way,
  statuses: readonly number[],
): Promise<void> {
  const { method, target, headers = {}, never } = way;
  const refused = await lab.ask(method, target, headers);
  const unknown = await lab.ask(method, never, headers);
  const what = `${method} ${target} ${JSON.stringify(headers)}: ${refused.body}`;
  assert.ok(statuses.includes(refused.status), what);
  const digest = /sha256:[0-9a-f]{64}/.exec(target)?.[0] ?? neverDigest;
  assert.deepEqual(
    seenOf(refused, "team/secret", digest),
    seenOf(unknown, "team/nought", neverDigest),
    what,
  );
}

/** With 401 every way; the others are judged by the same code, so that every third, each time another, will do. */
function someOf(ways: readonly Way[], refusal: RefusalStatus, first: number): Way[] {
  return refusal === 401 ? [...ways] : ways.filter((_, at) => at % 3 === first % 3);
}

for (const refusal of refusals) {
  test(`what a registry hides by ${refusal} is refused in every way, as what was never there`, async (t) => {
    await using lab = await PrivateLab.start({ refusal });
    let round = 0;
    const assertAllRefused = async (statuses: readonly number[]): Promise<void> => {
      const ways = someOf(waysTo(lab), refusal, round++);
      for (let at = 0; at < ways.length; at += waysAtOnce) {
        const some = ways.slice(at, at + waysAtOnce);
        await Promise.all(some.map((way) => assertRefused(lab, way, statuses)));
      }
      assert.deepEqual(listed(await lab.get("/v2/_catalog")), cataloged);
    };
    let cataloged: string[] = [];
    // Through a public repository what is not there is not found.
    const denied = refusal === 404 ? [404] : [403, 404];

    await t.test("while nothing is cached", () => assertAllRefused(denied));
    await t.test("when it was cached while access was shared", async () => {
      await lab.cacheAllWhileShared();
      await lab.get("/v2/public/app/manifests/1");
      cataloged = ["public/app"];
      await assertAllRefused(denied);
    });
    await t.test("when the proofs of what is public have aged", async () => {
      const { grantTtlMs } = lab.mirror.daemon.mirror.rules.general;
      lab.mirror.advance(grantTtlMs);
      cataloged = [];
      assert.deepEqual(listed(await lab.get("/v2/_catalog")), cataloged);
      await lab.get("/v2/public/app/manifests/1");
      cataloged = ["public/app"];
      await assertAllRefused(denied);
    });
    await t.test("while the registry is down", async () => {
      await lab.takeDown();
      await assertAllRefused([503, 404]);
    });
    await lab.assertKept();
  });
}

test("a layer that a private image shares is served through the public one only", async () => {
  await using lab = await PrivateLab.start();
  await lab.cacheAllWhileShared();
  const { digest, bytes } = lab.shared;

  const refused = await lab.get(`/v2/team/secret/blobs/${digest}`);
  const served = await lab.get(`/v2/public/app/blobs/${digest}`);
  const again = await lab.get(`/v2/team/secret/blobs/${digest}`);
  await lab.registry.down();
  const down = await lab.get(`/v2/team/secret/blobs/${digest}`);

  assert.deepEqual(
    [refused.status, served.status, again.status, down.status],
    [403, 200, 403, 502],
  );
  assert.deepEqual(served.body, bytes);
  await lab.assertKept();
});

test("what is public is pulled with the credentials, and served while the registry is down", async () => {
  await using lab = await PrivateLab.start();
  const { manifest, blobs } = lab.publicImage;
  const pull = async (): Promise<void> => {
    assert.deepEqual((await lab.get("/v2/public/app/manifests/1")).body, manifest.bytes);
    for (const { digest, bytes } of blobs) {
      assert.deepEqual((await lab.get(`/v2/public/app/blobs/${digest}`)).body, bytes);
    }
  };

  await pull();
  await lab.mirror.idle();

  assert.deepEqual(
    lab.askedAs("nobody").map(({ method, target }) => `${method} ${target}`),
    ["HEAD /v2/public/app/manifests/1"],
  );
  assert.equal(lab.askedAs("known").filter(({ method }) => method === "GET").length, 3);
  await lab.registry.down();
  lab.mirror.advance(lab.mirror.daemon.mirror.rules.general.grantTtlMs);
  await pull();
  await lab.assertKept();
});

for (const status of refusals) {
  test(`a repository that is hidden by ${status} from now on is refused when its proof has aged`, async () => {
    await using lab = await PrivateLab.start();
    const { grantTtlMs } = lab.mirror.daemon.mirror.rules.general;
    const paths = [
      "manifests/1",
      `manifests/${lab.publicImage.manifest.digest}`,
      ...lab.publicImage.blobs.map(({ digest }) => `blobs/${digest}`),
      "tags/list",
    ].map((path) => `/v2/public/app/${path}`);
    for (const path of paths) assert.equal((await lab.get(path)).status, 200);
    await lab.mirror.idle();

    lab.makePrivate("public/app", status);
    lab.mirror.advance(grantTtlMs);

    const expected = status === 404 ? 404 : 403;
    for (const method of ["GET", "HEAD"]) {
      for (const path of paths) assert.equal((await lab.ask(method, path)).status, expected, path);
    }
    assert.deepEqual(listed(await lab.get("/v2/_catalog")), []);
    await lab.takeDown();
    for (const path of paths) assert.equal((await lab.get(path)).status, 503, path);
    await lab.assertKept();
  });
}

test("a repository that was hidden is noticed behind a pull before its proof has aged", async () => {
  await using lab = await PrivateLab.start();
  const { grantTtlMs } = lab.mirror.daemon.mirror.rules.general;
  const path = `/v2/public/app/blobs/${lab.shared.digest}`;
  assert.equal((await lab.get(path)).status, 200);
  await lab.mirror.idle();
  lab.makePrivate("public/app", 401);
  lab.mirror.advance(grantTtlMs / 2);

  const behind = await lab.get(path);
  await lab.mirror.idle();
  const after = await lab.get(path);

  assert.deepEqual([behind.status, after.status], [200, 403]);
});

test("trouble of the registry hides nothing that was public", async (t) => {
  await using lab = await PrivateLab.start();
  const { grantTtlMs } = lab.mirror.daemon.mirror.rules.general;
  const paths = [
    `manifests/${lab.publicImage.manifest.digest}`,
    ...lab.publicImage.blobs.map(({ digest }) => `blobs/${digest}`),
  ].map((path) => `/v2/public/app/${path}`);
  for (const path of paths) assert.equal((await lab.get(path)).status, 200);
  await lab.mirror.idle();
  for (const status of [429, 500, 502, 503]) {
    await t.test(`${status}`, async () => {
      lab.makePrivate("public/app", status);
      lab.mirror.advance(grantTtlMs);
      for (const path of paths) assert.equal((await lab.get(path)).status, 200, path);
      await lab.mirror.idle();
    });
  }
  await t.test("no answer", async () => {
    lab.registry.overrideAll(() => {});
    lab.mirror.advance(grantTtlMs);
    for (const path of paths) assert.equal((await lab.get(path)).status, 200, path);
    await lab.registry.down();
    await lab.mirror.idle();
  });
  await lab.assertKept();
});

for (const refusal of refusals) {
  test(`shared access is by repository: who is answered ${refusal} for another gets nothing of it`, async () => {
    await using lab = await PrivateLab.start({ access: "shared", refusal });
    const { manifest } = lab.privateImage;
    await lab.pullPrivate();

    for (const place of ["/v2/nobody/s/", "/v2/team/other/", "/v2/ghcr.io/team/secret/"]) {
      for (const path of [`manifests/${manifest.digest}`, `blobs/${lab.secret.digest}`]) {
        for (const way of waysOf(place + path, manifest.digest)) {
          await assertRefused(lab, way, refusal === 404 ? [404] : [403, 404]);
        }
      }
    }
    await lab.assertKept();
  });
}

for (const hiding of hidings) {
  const { access, refusal } = hiding;
  test(`no refusal tells by the questions it costs what is here: ${access} access, hidden by ${refusal}`, async () => {
    await using lab = await PrivateLab.start(hiding);
    for (const targets of await refusedTargets(lab, hiding))
      await assertSameQuestions(lab, targets);
  });
}

/** Whatever a question takes: each of these requests leads to as many. The first of each finds no token yet. */
async function assertSameQuestions(lab: PrivateLab, targets: readonly string[]): Promise<void> {
  for (const target of targets) await lab.get(target);
  const counts: number[] = [];
  for (const target of targets) {
    const before = lab.registry.requests.length;
    await lab.get(target);
    counts.push(lab.registry.requests.length - before);
  }
  assert.equal(
    new Set(counts).size,
    1,
    `${targets.join(" ")} led to ${counts.join(", ")} questions`,
  );
}

function listed({ body }: RawAnswer): string[] {
  return JSON.parse(body.toString()).repositories;
}
