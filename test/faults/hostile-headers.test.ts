import assert from "node:assert/strict";
import { test } from "node:test";
import { type FaultManifest, manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultScene } from "../support/fault-scene.ts";
import type { PathAnswer } from "../support/fault-upstream.ts";
import type { HeaderLines } from "../support/fault-wire.ts";
import { type RawAnswer, rawRequest } from "../support/raw-client.ts";

/** Names of the headers that answers may have, whatever upstream sends. */
const ofEvery = [
  "connection",
  "content-length",
  "content-security-policy",
  "content-type",
  "date",
  "docker-distribution-api-version",
  "x-content-type-options",
  "x-request-id",
];
const ofLists = [...ofEvery, "cache-status"];
const ofPulls = [...ofLists, "docker-content-digest", "etag"];
const ofBlobs = [...ofPulls, "accept-ranges"];

const forBrowsers: HeaderLines = {
  "set-cookie": ["a=CANARY; Path=/", "b=CANARY"],
  server: "CANARY",
  "x-powered-by": "CANARY",
  "access-control-allow-origin": "*",
  "access-control-allow-credentials": "true",
  "content-disposition": "attachment; filename=CANARY.html",
  "content-security-policy": "default-src CANARY",
  "strict-transport-security": "max-age=31536000",
  "x-content-type-options": "CANARY",
  refresh: "0; url=http://CANARY.example/",
  "www-authenticate": 'Basic realm="CANARY"',
  "clear-site-data": '"*"',
};
const forCaches: HeaderLines = {
  etag: ['"CANARY"', 'W/"CANARY"'],
  age: "CANARY",
  expires: "CANARY",
  "cache-control": "no-store, CANARY",
  // As a list it would be passed on; see RFC 9211, section 2.
  "cache-status": "CANARY hit",
  vary: "*",
  "last-modified": "CANARY",
  warning: '110 CANARY "stale"',
};
const forClients: HeaderLines = {
  location: "http://CANARY.example/",
  "content-location": "/CANARY",
  link: ["</CANARY>; rel=preload", "<http://CANARY.example/?last=>; rel=next"],
  "docker-content-digest": "<script>CANARY</script>",
  "docker-distribution-api-version": ["registry/CANARY", "registry/1.0"],
  "oci-filters-applied": "CANARY",
  "oci-subject": "CANARY",
  "accept-ranges": "CANARY",
  "content-range": "bytes 0-1/CANARY",
  "retry-after": "CANARY",
  "content-encoding": "CANARY",
};
const forConnections: HeaderLines = {
  connection: ["keep-alive, X-Foo", "X-Bar"],
  "x-foo": "CANARY",
  "x-bar": "CANARY",
  "keep-alive": "timeout=CANARY",
  upgrade: "CANARY",
  "proxy-connection": "CANARY",
  trailer: "CANARY",
  te: "CANARY",
  via: "1.1 CANARY",
};
const ofOddLetters: HeaderLines = {
  "x-latin": "CANARY \u00e9\u00ff",
  "docker-content-digest": "\u00e9\u00ff",
  "x-empty": "",
  "x-tab": "\tCANARY\t",
  constructor: "CANARY",
  "x-long": "CANARY".repeat(1000),
};
// An object literal takes `__proto__` for something else.
const ofObjects: HeaderLines = Object.fromEntries([
  ["__proto__", "CANARY"],
  ["hasOwnProperty", "CANARY"],
]);

const sets: Readonly<Record<string, HeaderLines>> = {
  "for browsers": forBrowsers,
  "for caches": forCaches,
  "for registry clients": forClients,
  "for the connection": forConnections,
  "of odd letters": ofOddLetters,
  "of odd names": ofObjects,
};

for (const [name, headers] of Object.entries(sets)) {
  test(`of upstream's headers ${name} none reaches a client, of a cold answer as of a stored one`, async () => {
    await using scene = await FaultScene.start();
    const manifest = manifestOfBytes(name);
    const blob = scene.upstream.blob(name, 50_000);
    const byTag = "/v2/good/app/manifests/latest";
    const byDigest = `/v2/good/app/manifests/${manifest.digest}`;
    const ofBlob = `/v2/good/app/blobs/${blob.digest}`;
    scene.upstream.answer(byTag, sending(manifest, headers));
    scene.upstream.answer(byDigest, sending(manifest, headers));
    scene.upstream.answer(ofBlob, async (wire) => {
      await wire.whole(
        "200 OK",
        // A page for a HEAD would be no blob at all.
        { ...headers, "content-type": "image/svg+xml" },
        blob.slice(0, 50_000),
      );
    });

    for (const [target, allowed] of [
      [byTag, [...ofPulls, "age"]],
      [byDigest, ofPulls],
      [ofBlob, ofBlobs],
    ] as const) {
      const answers = await coldThenStored(scene, target);

      for (const answer of answers) {
        assert.equal(answer.status, 200, answer.body.toString());
        assert.deepEqual(Object.keys(answer.headers).sort(), [...allowed].sort(), target);
        assertOurs(answer);
      }
    }
    await scene.assertSound({ stored: [blob] });
  });

  test(`of upstream's headers ${name} none reaches a client, of a list as of an error`, async () => {
    await using scene = await FaultScene.start();
    const statuses = ["200 OK", "404 Not Found", "403 Forbidden", "429 Slow", "500 Broken"];
    for (const [at, status] of statuses.entries()) {
      const target = `/v2/good/app${at}/tags/list`;
      scene.upstream.answer(target, async (wire) => {
        await wire.whole(status, headers, '{"tags":[]}');
      });

      for (const method of ["GET", "HEAD"]) {
        const answer = await rawRequest(scene.mirror.url, method, target);

        assert.ok(answer.status === 200 || answer.status >= 400, `${status}: ${answer.status}`);
        assert.notEqual(answer.status, 500);
        // Ours: what upstream did. Of what it has not there is nothing to say.
        const allowed = answer.status === 404 ? ofEvery : ofLists;
        assert.deepEqual(Object.keys(answer.headers).sort(), [...allowed].sort(), status);
        assertOurs(answer);
      }
    }
    await scene.assertSound();
  });
}

const framings: Readonly<Record<string, HeaderLines>> = {
  "a transfer encoding of no kind": { "transfer-encoding": "CANARY" },
  "a transfer encoding beside the length": { "transfer-encoding": "identity" },
  "chunks within chunks": { "transfer-encoding": ["chunked", "chunked"] },
  "a control character": { "x-odd": "CANARY\u0001" },
  "a folded line": { "x-folded": "a\r\n CANARY" },
  "a carriage return": { "x-bare": "a\rCANARY" },
  "a name with a space": { "x odd": "CANARY" },
  "no name": { "": "CANARY" },
};

test("a header that cannot be read is upstream's trouble: right or 502, and no word of it", async () => {
  await using scene = await FaultScene.start();
  for (const [at, [what, headers]] of Object.entries(framings).entries()) {
    const manifest = manifestOfBytes(what);
    const target = `/v2/good/app${at}/manifests/${manifest.digest}`;
    scene.upstream.answer(target, sending(manifest, headers));

    scene.passOver();
    const answer = await scene.mirror.get(target);

    assert.ok(answer.status === 502 || answer.status === 504 || answer.status === 200, what);
    if (answer.status === 200) assert.deepEqual(answer.body, manifest.bytes, what);
    assertOurs(answer);
  }
  await scene.assertSound();
});

const delays: readonly (readonly [sent: string | readonly string[], told: string | undefined])[] = [
  ["0", "0"],
  ["7", "7"],
  ["86400", "86400"],
  ["Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:28:00 GMT"],
  ["", undefined],
  ["-1", undefined],
  ["+7", undefined],
  ["7.5", undefined],
  ["1e9", undefined],
  ["999999999999", undefined],
  ["1".repeat(4000), undefined],
  ["7 seconds", undefined],
  ["a\tb", undefined],
  ["\u00e9\u00ff", undefined],
  ["<script>", undefined],
  ["Wed, 21 Oct 2026 07:28:00 GMT<script>", undefined],
  ["tomorrow", undefined],
  [["7", "8"], undefined],
  // Too much for undici, and what it refuses: the answer is another, and has none either.
  ["x".repeat(1_000_000), undefined],
  ["7\u0000", undefined],
  ["7\u0001", undefined],
  ["7\u007f", undefined],
];

const longestWaitMs = 300_000;

test("of Retry-After a number of seconds or a date reaches the client, and nothing else", async () => {
  await using scene = await FaultScene.start({ machineClock: false });
  for (const [at, [sent, told]] of delays.entries()) {
    for (const [status, expected] of [
      ["429 Slow", 429],
      ["503 Later", 503],
    ] as const) {
      const target = `/v2/good/app${at}/tags/list`;
      scene.upstream.answer(target, async (wire) => {
        await wire.whole(status, { "retry-after": sent });
      });

      const answer = await scene.mirror.get(target);
      // Until then upstream is left alone.
      scene.mirror.advance(longestWaitMs);

      const what = JSON.stringify(sent).slice(0, 40);
      assert.equal(answer.headers["retry-after"], told, what);
      assert.ok(answer.status === expected || (told === undefined && answer.status === 502), what);
      assert.equal(answer.complete, true);
      assert.ok(answer.body.length < 1000, `${answer.body.length} bytes for ${what}`);
    }
  }
  await scene.assertSound();
});

test("of a token server's Retry-After, too, a number of seconds or a date reaches the client, and nothing else", async () => {
  await using scene = await FaultScene.start({ machineClock: false });
  for (const [at, [sent, told]] of delays.slice(0, 18).entries()) {
    const target = `/v2/good/app${at}/tags/list`;
    const realm = `${scene.upstream.url}/slow${at}`;
    scene.upstream.answer(target, async (wire) => {
      await wire.whole("401 Unauthorized", { "www-authenticate": `Bearer realm="${realm}"` });
    });
    scene.upstream.answer(`/slow${at}`, async (wire) => {
      await wire.whole("429 Slow", { "retry-after": sent });
    });

    const answer = await scene.mirror.get(target);
    scene.mirror.advance(longestWaitMs);

    assert.equal(answer.status, 429);
    assert.equal(answer.headers["retry-after"], told, JSON.stringify(sent).slice(0, 40));
  }
  await scene.assertSound();
});

/** The answers to GET and HEAD: of what is not here, and of what is. */
async function coldThenStored(scene: FaultScene, target: string): Promise<RawAnswer[]> {
  const head = await scene.mirror.head(target);
  const cold = await scene.mirror.get(target);
  await scene.mirror.idle();
  return [head, cold, await scene.mirror.get(target), await scene.mirror.head(target)];
}

function assertOurs({ headers, complete }: RawAnswer): void {
  assert.equal(complete, true);
  assert.doesNotMatch(JSON.stringify(headers), /canary/i);
  assert.equal(headers["x-content-type-options"], "nosniff");
  assert.equal(headers["content-security-policy"], "sandbox");
  assert.match(headers["content-type"] ?? "", /^application\//);
  assert.equal(headers["connection"], "close");
}

function sending({ mediaType, digest, bytes }: FaultManifest, headers: HeaderLines): PathAnswer {
  const honest = { "content-type": mediaType, "docker-content-digest": digest };
  return async (wire) => await wire.whole("200 OK", { ...honest, ...headers }, bytes);
}
