import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultScene } from "../support/fault-scene.ts";
import type { FaultUpstream } from "../support/fault-upstream.ts";
import type { FaultWire } from "../support/fault-wire.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const sizeBytes = 50_000;

/** What is asked of the mirror, and the path upstream is asked for it. */
const kinds: Readonly<Record<string, (content: SeededContent) => string>> = {
  "a blob": ({ digest }) => `/v2/good/app/blobs/${digest}`,
  "a manifest": ({ digest }) => `/v2/good/app/manifests/${digest}`,
  "a tag": () => "/v2/good/app/manifests/latest",
  "a list": () => "/v2/good/app/tags/list",
};

const endings: Readonly<Record<string, (path: string) => string | null>> = {
  itself: (path) => path,
  "itself with another query each time": (path) => `${path}?${crypto.randomUUID()}`,
  "a chain of six": (path) => `${path}?one-of-six`,
  "no URL": () => "http://[",
  "an empty place": () => "",
  "a place of spaces": () => "a, b",
  "64 KiB of path": () => `/${"a".repeat(64 * 1024)}`,
  nowhere: () => null,
};

for (const [ending, locationFor] of Object.entries(endings)) {
  test(`a redirect to ${ending} is 502 soon, after six requests at most, and heals`, async () => {
    await using scene = await FaultScene.start();
    const { upstream, mirror } = scene;
    const content = upstream.blob(`to ${ending}`, sizeBytes);
    for (const [kind, targetOf] of Object.entries(kinds)) {
      const target = targetOf(content);
      upstream.answer(target, redirecting(locationFor(target)));
      const before = upstream.requests.length;

      for (const method of ["get", "head"] as const) {
        scene.passOver();
        const answer = await mirror[method](target);
        assert.equal(answer.status, 502, `${method} ${kind}`);
        assert.equal(answer.headers["location"], undefined);
      }

      const asked = upstream.requests.length - before;
      // A HEAD of a blob that gets no answer is tried by a GET of one byte.
      assert.ok(asked <= 3 * 6, `${kind}: ${asked} requests`);
    }
    await scene.assertSound({ unstored: [content] });
    await scene.assertHeals([["good", content]]);
  });
}

test("a redirect that only HEAD gets is followed, and what GET gives is right", async () => {
  await using scene = await FaultScene.start();
  const { upstream } = scene;
  const content = upstream.blob("for HEAD only", sizeBytes);
  const manifest = manifestOfBytes("for HEAD only");
  upstream.tag("latest", manifest);
  const ofBlob = `/v2/good/app/blobs/${content.digest}`;
  const ofTag = "/v2/good/app/manifests/latest";
  upstream.answer(ofBlob, async (wire, { method }) => {
    if (method === "HEAD") return await redirecting("/elsewhere/blob")(wire);
    await wire.whole("200 OK", {}, content.slice(0, sizeBytes));
  });
  upstream.answer(ofTag, redirecting("/elsewhere/manifest"));
  upstream.answer("/elsewhere/blob", async (wire) => {
    await wire.head("200 OK", { "content-length": sizeBytes });
  });
  upstream.answer("/elsewhere/manifest", async (wire) => {
    await wire.head("200 OK", {
      "content-length": manifest.bytes.length,
      "docker-content-digest": manifest.digest,
    });
  });

  const head = await scene.mirror.head(ofBlob);
  await scene.pullWhole("good", content);
  const tag = await scene.mirror.get(ofTag);

  assert.equal(head.headers["content-length"], String(sizeBytes));
  assert.deepEqual(tag.body, manifest.bytes);
  assert.deepEqual(methodsAt(upstream, "/elsewhere/"), ["HEAD", "HEAD"]);
  await scene.assertSound({ stored: [content, manifest.content] });
});

test("a redirect of HEAD to where nothing is does not keep GET from its answer", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("HEAD leads nowhere", sizeBytes);
  scene.upstream.answer(`/v2/good/app/blobs/${content.digest}`, async (wire, { method }) => {
    if (method === "HEAD") return await redirecting("/nowhere")(wire);
    await wire.whole("200 OK", {}, content.slice(0, sizeBytes));
  });
  scene.upstream.answer("/nowhere", async (wire) => await wire.whole("405 No HEAD", {}));

  const head = await scene.pull("good", content, { method: "HEAD" });
  await scene.pullWhole("good", content);

  assert.equal(head.headers["content-length"], String(sizeBytes));
  await scene.assertSound({ stored: [content] });
});

/** How often storage that answers so is asked: what may be a URL that has expired gets another one. */
const refusals = {
  "401 Unauthorized": 2,
  "403 Forbidden": 2,
  "410 Gone": 1,
  "418 Teapot": 1,
};

test("storage that refuses is asked twice at most, each time by a URL of its own", async () => {
  await using scene = await FaultScene.start();
  const { upstream } = scene;
  for (const [at, [status, times]] of Object.entries(refusals).entries()) {
    const content = upstream.blob(status, sizeBytes);
    const target = `/v2/good/app/blobs/${content.digest}`;
    const stored = `/stored/${at}`;
    upstream.answer(target, async (wire) => {
      await redirecting(`${stored}?sig=CANARYS&${crypto.randomUUID()}`)(wire);
    });
    upstream.answer(stored, async (wire) => await wire.whole(status, {}, "<Error>CANARYS</Error>"));

    const answer = await scene.mirror.get(target);

    assert.equal(answer.status, 502);
    assert.equal(JSON.parse(answer.body.toString()).errors[0].code, "UNAVAILABLE");
    assert.doesNotMatch(answer.body.toString(), /CANARY/);
    const asked = upstream.asked("GET", stored).map((request) => request.target);
    assert.equal(asked.length, times, status);
    assert.equal(new Set(asked).size, asked.length);
  }
  assert.doesNotMatch(JSON.stringify(scene.mirror.logLines), /CANARY/);
  await scene.assertSound();
});

function redirecting(location: string | null): (wire: FaultWire) => Promise<void> {
  return async (wire) => {
    await wire.whole("307 Temporary Redirect", location === null ? {} : { location });
  };
}

function methodsAt({ requests }: FaultUpstream, path: string): string[] {
  return requests.filter(({ target }) => target.startsWith(path)).map(({ method }) => method);
}
