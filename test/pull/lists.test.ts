import assert from "node:assert/strict";
import { test } from "node:test";
import type { Digest } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { referrersMediaType } from "../../src/oci/referrer.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { blobOf, imageOfSize } from "../support/images.ts";
import type { RawAnswer } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("listed", 100);
const subject = image.manifest.digest;
const tagsPath = "/v2/team/app/tags/list";
const referrersPath = `/v2/team/app/referrers/${subject}`;
const signatureType = "application/vnd.example.signature";
const sbomType = "application/vnd.example.sbom";
const signature = referrer(signatureType, { signer: "me" });
const sbom = referrer(sbomType);

test("tags come from upstream while it answers, and page by page as it cuts them", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  hub.override(tagsPath, (_, response) => {
    response.writeHead(200, { link: '</v2/team/app/tags/list?n=2&last=b>; rel="next"' });
    response.end('{"name":"team/app","tags":["a","b"]}');
  });

  const answer = await mirror.get(`${tagsPath}?n=2`);

  assert.equal(answer.headers["cache-status"], "sluice; fwd=bypass");
  assert.equal(answer.headers["link"], `<${tagsPath}?n=2&last=b>; rel="next"`);
  assert.deepEqual(tagsOf(answer), ["a", "b"]);
});

test("quay.io's pages, which have tokens for names, are followed by the client through the mirror", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  const pages: Readonly<Record<string, readonly [tags: readonly string[], next: string | null]>> = {
    "": [["a", "b"], "gAAAA=="],
    "gAAAA==": [["c"], null],
  };
  hub.override(tagsPath, (request, response) => {
    const query = new URL(request.url ?? "", hub.url).searchParams;
    const [tags = [], next = null] = pages[query.get("next_page") ?? ""] ?? [];
    const link = `</v2/team/app/tags/list?n=2&next_page=${encodeURIComponent(next ?? "")}>; rel="next"`;
    response.writeHead(200, next === null ? {} : { link });
    response.end(JSON.stringify({ name: "team/app", tags }));
  });

  const all: string[] = [];
  let target: string | null = `${tagsPath}?n=2&ns=quay.io`;
  for (let page = 0; target && page < 10; page++) {
    const answer: RawAnswer = await mirror.get(target);
    all.push(...tagsOf(answer));
    target = nextOf(answer);
  }

  assert.deepEqual(all, ["a", "b", "c"]);
  assert.equal(hub.requests.at(-1)?.target, `${tagsPath}?n=2&next_page=gAAAA%3D%3D`);
});

test("while upstream is down the tags that are known are listed, in order, by page", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  for (const tag of ["b", "a", "c", "A", "_1"]) {
    hub.addImage("team/app", tag, image);
    await mirror.get(`/v2/team/app/manifests/${tag}`);
  }
  await hub.down();

  const all = await mirror.get(tagsPath);
  const first = await mirror.get(`${tagsPath}?n=2`);
  const second = await mirror.get(nextOf(first) ?? "");
  const third = await mirror.get(nextOf(second) ?? "");

  assert.match(all.headers["cache-status"] ?? "", /^sluice; fwd=stale; detail="docker\.io cannot/);
  assert.equal(all.headers["content-type"], "application/json");
  assert.deepEqual(JSON.parse(all.body.toString()), {
    name: "team/app",
    tags: ["A", "_1", "a", "b", "c"],
  });
  assert.equal(all.headers["link"], undefined);
  assert.deepEqual([first, second, third].map(tagsOf), [["A", "_1"], ["a", "b"], ["c"]]);
  assert.equal(nextOf(third), null);
  const none = await mirror.get(`${tagsPath}?n=0`);
  assert.deepEqual([none.status, tagsOf(none), nextOf(none)], [200, [], null]);
  assert.deepEqual(tagsOf(await mirror.get(`${tagsPath}?last=b`)), ["c"]);
  assert.deepEqual(tagsOf(await mirror.get(`${tagsPath}?last=c`)), []);
  assert.deepEqual(tagsOf(await mirror.get(`${tagsPath}?n=junk`)).length, 5);
  assert.equal((await mirror.head(tagsPath)).headers["content-length"], String(all.body.length));
});

test("a page of exactly all tags is the last one", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullTag(scene);
  await hub.down();

  assert.equal(nextOf(await mirror.get(`${tagsPath}?n=1`)), null);
});

// Distribution spec 1.1, "Listing Tags".
test("a page of no tags is empty and leads to no other", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullTag(scene);
  await hub.down();

  const answer = await mirror.get(`${tagsPath}?n=0`);

  assert.equal(answer.status, 200);
  assert.deepEqual(tagsOf(answer), []);
  assert.equal(nextOf(answer), null);
});

for (const query of ["", "?last=", "?last=a", "?n=5&last=zzz", "?n=0"]) {
  test(`a repository of which no tag is known has no list while upstream is down: tags/list${query}`, async () => {
    await using scene = await start();
    const { hub, mirror } = scene;
    await hub.down();

    assert.equal((await mirror.get(`${tagsPath}${query}`)).status, 502);
  });
}

test("a page by token cannot be made of what is known, so it is an error while upstream is down", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullTag(scene);
  await hub.down();

  assert.equal((await mirror.get(`${tagsPath}?next_page=gAAAA`)).status, 502);
});

test("tags that are known do not stand in for a list that upstream refuses or does not have", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullTag(scene);
  for (const [status, expected] of [
    [401, 403],
    [403, 403],
    [404, 404],
  ] as const) {
    hub.override(tagsPath, (_, response) => void response.writeHead(status).end());
    assert.equal((await mirror.get(tagsPath)).status, expected);
  }
});

test("while upstream is down a tag with variants is listed once", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullTag(scene);
  await mirror.get("/v2/team/app/manifests/latest", { accept: "application/vnd.x+json" });
  await hub.down();

  assert.deepEqual(tagsOf(await mirror.get(tagsPath)), ["latest"]);
});

const filtering: Readonly<Record<string, boolean>> = {
  "a registry that filters itself": true,
  "a registry that does not": false,
};

for (const [name, filters] of Object.entries(filtering)) {
  test(`referrers of one type come from ${name}, and the answer says that they are filtered`, async () => {
    await using scene = await start();
    const { hub, mirror } = scene;
    hub.override(referrersPath, (request, response) => {
      const asked = new URL(request.url ?? "", hub.url).searchParams.get("artifactType");
      const all = [signature, sbom];
      const found = filters ? all.filter((one) => !asked || one.type === asked) : all;
      sendIndex(response, found, filters && asked ? { "oci-filters-applied": "artifactType" } : {});
    });

    const all = await mirror.get(referrersPath);
    const signatures = await mirror.get(`${referrersPath}?artifactType=${signatureType}`);
    const none = await mirror.get(`${referrersPath}?artifactType=a/b`);

    assert.equal(all.headers["content-type"], referrersMediaType);
    assert.equal(all.headers["oci-filters-applied"], undefined);
    assert.equal(all.headers["cache-status"], "sluice; fwd=bypass");
    assert.deepEqual(referrersOf(all), [descriptorOf(signature), descriptorOf(sbom)]);
    assert.deepEqual(referrersOf(signatures), [descriptorOf(signature)]);
    assert.deepEqual(referrersOf(none), []);
    for (const { headers } of [signatures, none]) {
      assert.equal(headers["oci-filters-applied"], "artifactType");
    }
  });
}

test("referrers in pages are one list", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  hub.override(referrersPath, (request, response) => {
    const second = request.url?.includes("page=2");
    sendIndex(response, second ? [sbom] : [signature], {
      ...(second ? {} : { link: `<${referrersPath}?page=2>; rel="next"` }),
    });
  });

  const answer = await mirror.get(referrersPath);

  assert.deepEqual(referrersOf(answer), [descriptorOf(signature), descriptorOf(sbom)]);
  assert.equal(answer.headers["link"], undefined);
});

test("a list of referrers whose later page fails, whatever its status, is no shorter list", async () => {
  for (const status of [404, 400, 429, 500]) {
    await using scene = await start();
    const { hub, mirror } = scene;
    hub.override(referrersPath, (request, response) => {
      if (request.url?.includes("page=2")) return void response.writeHead(status).end();
      sendIndex(response, [sbom], { link: `<${referrersPath}?page=2>; rel="next"` });
    });

    const answer = await mirror.get(referrersPath);

    assert.ok([429, 502].includes(answer.status), `${status} became ${answer.status}`);
  }
});

test("pages of referrers that lead round in circles come to an end", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  hub.override(referrersPath, (_, response) => {
    sendIndex(response, [sbom], { link: `<${referrersPath}?page=1>; rel="next"` });
  });

  assert.equal((await mirror.get(referrersPath)).status, 502, "and are no list that is whole");
  assert.equal(hub.requests.length, 20);
});

for (const status of [404, 400, 405, 406, 501]) {
  test(`a registry that answers referrers with ${status} keeps them under a tag`, async () => {
    await using scene = await start();
    const { hub, mirror } = scene;
    hub.override(referrersPath, (_, response) => void response.writeHead(status).end());
    hub.addImage("team/app", fallbackTag(subject), indexImage([signature, sbom]));

    const all = await mirror.get(referrersPath);
    const sboms = await mirror.get(`${referrersPath}?artifactType=${sbomType}`);

    assert.deepEqual(referrersOf(all), [descriptorOf(signature), descriptorOf(sbom)]);
    assert.equal(all.headers["content-type"], referrersMediaType);
    assert.deepEqual(referrersOf(sboms), [descriptorOf(sbom)]);
    assert.equal(sboms.headers["oci-filters-applied"], "artifactType");
  });
}

test("a manifest that nothing refers to has an empty list", async () => {
  await using scene = await start();

  const answer = await scene.mirror.get(referrersPath);

  assert.equal(answer.status, 200);
  assert.deepEqual(referrersOf(answer), []);
});

test("a list of referrers that is no image index is an error, and not an empty list", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  for (const body of ["<html>", "[]", "{}", ""]) {
    hub.override(referrersPath, (_, response) => void response.writeHead(200).end(body));
    assert.equal((await mirror.get(referrersPath)).status, 502, body);
  }
});

test("while upstream is down the signatures that are here are listed, as they describe themselves", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullReferrer(scene, signature);
  await hub.down();

  const answer = await mirror.get(referrersPath);

  assert.equal(answer.status, 200);
  assert.match(
    answer.headers["cache-status"] ?? "",
    /^sluice; fwd=stale; detail="docker\.io cannot/,
  );
  assert.deepEqual(referrersOf(answer), [descriptorOf(signature)]);
});

test("while upstream is down referrers under a tag that was pulled are listed", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  hub.addImage("team/app", fallbackTag(subject), indexImage([signature]));
  await mirror.get(referrersPath);
  await hub.down();
  mirror.advance(60_001);

  assert.deepEqual(referrersOf(await mirror.get(referrersPath)), [descriptorOf(signature)]);
});

test("a signature that is here through another repository is not listed for this one", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullReferrer(scene, signature, "team/other");
  await hub.down();

  assert.equal((await mirror.get(referrersPath)).status, 502);
});

// An empty list says that there is no signature, and an image would pass for one that nobody signed.
test("while upstream is down a list of referrers of which none is here is an error, also a filtered one", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullReferrer(scene, sbom);
  await hub.down();
  const other = `/v2/team/app/referrers/${imageOfSize("unsigned", 10).manifest.digest}`;

  const empty = [other, `${referrersPath}?artifactType=${signatureType}`];
  for (const path of [...empty, ...empty]) {
    assert.ok([502, 503].includes((await mirror.get(path)).status), path);
  }
  assert.equal((await mirror.get(`${referrersPath}?artifactType=${sbomType}`)).status, 200);
});

test("a refused list of referrers is a refusal, whatever is here", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  await pullReferrer(scene, signature);
  hub.override(referrersPath, (_, response) => void response.writeHead(403).end());

  assert.equal((await mirror.get(referrersPath)).status, 403);
});

test("the catalog lists what is cached of every upstream, in byte order, by page", async () => {
  await using scene = await startTwo();
  const { mirror } = scene;

  const all = await mirror.get("/v2/_catalog");
  const pages: string[][] = [];
  let target: string | null = "/v2/_catalog?n=2";
  for (let page = 0; target && page < 10; page++) {
    const answer: RawAnswer = await mirror.get(target);
    pages.push(JSON.parse(answer.body.toString()).repositories);
    target = nextOf(answer);
  }

  const names = ["ghcr.io/a/c", "ghcr.io/team/app", "library/alpine", "team/app", "zoo/x"];
  assert.deepEqual(JSON.parse(all.body.toString()), { repositories: names });
  assert.equal(all.headers["link"], undefined);
  assert.deepEqual(pages, [names.slice(0, 2), names.slice(2, 4), names.slice(4)]);
});

const catalogs: Readonly<Record<string, readonly string[]>> = {
  "/v2/_catalog?last=ghcr.io/a/c": ["ghcr.io/team/app", "library/alpine", "team/app", "zoo/x"],
  "/v2/_catalog?last=ghcr.io": [
    "ghcr.io/a/c",
    "ghcr.io/team/app",
    "library/alpine",
    "team/app",
    "zoo/x",
  ],
  "/v2/_catalog?last=ghcr.io/zzz": ["library/alpine", "team/app", "zoo/x"],
  "/v2/_catalog?last=team/app": ["zoo/x"],
  "/v2/_catalog?last=zoo/x": [],
  "/v2/_catalog?last=~": [],
  "/v2/_catalog?ns=ghcr.io": ["a/c", "team/app"],
  "/v2/_catalog?ns=docker.io&last=library/alpine": ["team/app", "zoo/x"],
  "/v2/ghcr.io/_catalog": ["a/c", "team/app"],
  "/ghcr.io/v2/_catalog?n=1": ["a/c"],
  "/v2/docker.io/_catalog?n=1&last=team/app": ["zoo/x"],
};

test("the catalog of one upstream has its names as they are there, and pages begin behind any name", async (t) => {
  await using scene = await startTwo();
  const { mirror } = scene;
  for (const [target, names] of Object.entries(catalogs)) {
    await t.test(target, async () => {
      const answer = await mirror.get(target);
      assert.deepEqual(JSON.parse(answer.body.toString()).repositories, names);
    });
  }

  const first = await mirror.get("/ghcr.io/v2/_catalog?n=1&ns=ghcr.io");
  assert.equal(nextOf(first), "/ghcr.io/v2/_catalog?n=1&last=a%2Fc&ns=ghcr.io");
});

test("the catalog of what is no upstream is not found, and nobody is asked", async () => {
  await using scene = await startTwo();
  const { hub, mirror } = scene;
  const before = hub.requests.length;
  for (const target of [
    "/v2/_catalog?ns=unknown.example",
    "/v2/unknown.example/_catalog",
    "/unknown.example/v2/_catalog",
    "/v2/team/_catalog",
    "/v2/ghcr.io/team/_catalog",
    "/ghcr.io/v2/docker.io/_catalog",
  ]) {
    assert.equal((await mirror.get(target)).status, 404, target);
  }
  assert.equal(hub.requests.length, before);
});

test("a mirror that holds nothing has an empty catalog", async () => {
  await using scene = await start();

  const answer = await scene.mirror.get("/v2/_catalog");

  assert.equal(answer.body.toString(), '{"repositories":[]}');
  assert.equal((await scene.mirror.head("/v2/_catalog")).headers["content-length"], "19");
});

test("a tag that is called _catalog is pulled as any other", async () => {
  await using scene = await start();
  const { hub, mirror } = scene;
  hub.addImage("team/app", "_catalog", image);

  assert.deepEqual(
    (await mirror.get("/v2/team/app/manifests/_catalog")).body,
    image.manifest.bytes,
  );
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

/** One registry, which goes by `docker.io` and `quay.io`. */
async function start(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const upstreams = { "docker.io": hub, "quay.io": hub };
  const mirror = resources.use(await TestMirror.start({ upstreams }));
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** `docker.io`, the default, and `ghcr.io`, and something of both is cached. */
async function startTwo(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const upstreams = { "docker.io": hub, "ghcr.io": hub };
  const mirror = resources.use(await TestMirror.start({ upstreams }));
  for (const repository of ["library/alpine", "team/app", "zoo/x", "a/c"]) {
    hub.addImage(repository, "latest", image);
  }
  for (const name of ["team/app", "zoo/x", "alpine", "ghcr.io/team/app", "ghcr.io/a/c"]) {
    assert.equal((await mirror.get(`/v2/${name}/manifests/latest`)).status, 200);
  }
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

async function pullTag({ hub, mirror }: Scene): Promise<void> {
  hub.addImage("team/app", "latest", image);
  await mirror.get("/v2/team/app/manifests/latest");
}

async function pullReferrer(
  { hub, mirror }: Scene,
  { manifest }: TestReferrer,
  repository = "team/app",
): Promise<void> {
  hub.addImage(repository, "referrer", { manifest, blobs: [], children: [] });
  const answer = await mirror.get(`/v2/${repository}/manifests/${manifest.digest}`);
  assert.equal(answer.status, 200);
}

interface TestReferrer {
  readonly type: string;
  readonly annotations: Readonly<Record<string, string>> | undefined;
  readonly manifest: Manifest;
}

/** A manifest about `image`. */
function referrer(type: string, annotations?: Readonly<Record<string, string>>): TestReferrer {
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      artifactType: type,
      subject: { mediaType, digest: subject, size: image.manifest.bytes.length },
      ...(annotations ? { annotations } : {}),
    }),
  );
  return { type, annotations, manifest: { mediaType, ...blobOf(bytes) } };
}

function descriptorOf({ type, annotations, manifest }: TestReferrer): Record<string, unknown> {
  return {
    mediaType: manifest.mediaType,
    digest: manifest.digest,
    size: manifest.bytes.length,
    artifactType: type,
    ...(annotations ? { annotations } : {}),
  };
}

function indexBytes(referrers: readonly TestReferrer[]): Buffer {
  return Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: referrersMediaType,
      manifests: referrers.map(descriptorOf),
    }),
  );
}

function indexImage(referrers: readonly TestReferrer[]): typeof image {
  const manifest = { mediaType: referrersMediaType, ...blobOf(indexBytes(referrers)) };
  return { manifest, blobs: [], children: [] };
}

function sendIndex(
  response: Parameters<Answer>[1],
  referrers: readonly TestReferrer[],
  headers: Readonly<Record<string, string>>,
): void {
  response.writeHead(200, { "content-type": referrersMediaType, ...headers });
  response.end(indexBytes(referrers));
}

function fallbackTag(digest: Digest): string {
  return digest.replace(":", "-");
}

function tagsOf({ body }: RawAnswer): string[] {
  return JSON.parse(body.toString()).tags;
}

function referrersOf({ body }: RawAnswer): unknown[] {
  return JSON.parse(body.toString()).manifests;
}

function nextOf({ headers }: RawAnswer): string | null {
  return /^<([^>]+)>; rel="next"$/.exec(headers["link"] ?? "")?.[1] ?? null;
}
