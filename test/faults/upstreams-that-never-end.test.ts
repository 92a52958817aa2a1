import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { digestOf } from "../../src/oci/digest.ts";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import {
  beside,
  type FaultProcessOptions,
  FaultProcessScene,
} from "../support/fault-process-scene.ts";
import type { PathAnswer } from "../support/fault-upstream.ts";
import type { FaultWire, HeaderLines } from "../support/fault-wire.ts";
import { type RawAnswer, RawRequest, rawRequest } from "../support/raw-client.ts";

const mib = 1024 * 1024;

// Far less than any of the floods sends, and more than what the heap grows by itself on a machine that is busy.
const limitBytes = 96 * mib;
const type = { "content-type": "application/vnd.oci.image.manifest.v1+json" };
const chunked = { ...type, "transfer-encoding": "chunked" };

// The largest chunk that is one write; its bytes are brackets, the worst JSON there is.
const piece = Buffer.concat([
  Buffer.from("10000\r\n"),
  Buffer.alloc(0x10000, "["),
  Buffer.from("\r\n"),
]);

/** Without end: sends `bytes` again and again until the other side has had enough. */
async function forever(wire: FaultWire, bytes: string | Buffer): Promise<void> {
  while (!wire.gone) await wire.raw(bytes);
}

function endless(status: string, headers: HeaderLines): PathAnswer {
  return async (wire) => {
    await wire.head(status, headers);
    await forever(wire, piece);
  };
}

/** Bytes before any body: what is sent of them is all there ever is. */
function endlessAfter(beginning: string, bytes: string): PathAnswer {
  return async (wire) => {
    await wire.raw(beginning);
    await forever(wire, bytes.repeat(Math.ceil(65_536 / bytes.length)));
  };
}

const floods: Readonly<Record<string, PathAnswer>> = {
  "chunks without end": endless("200 OK", chunked),
  "a declared gigabyte": endless("200 OK", { ...type, "content-length": 2 ** 30 }),
  "a body without length": endless("200 OK", { ...type, connection: "close" }),
  "an error without end": endless("500 Broken", chunked),
  "a refusal without end": endless("403 Forbidden", chunked),
  "not found without end": endless("404 Not Found", chunked),
  "a header line of 64 KiB": async (wire) => {
    await wire.whole("200 OK", { ...type, "x-long": "x".repeat(65_536) }, "{}");
  },
  "10,000 header lines": async (wire) => {
    await wire.whole("200 OK", { ...type, "x-many": Array(10_000).fill("y") }, "{}");
  },
  "a header without end": endlessAfter("HTTP/1.1 200 OK\r\n", "x-more: y\r\n"),
  "a header line without end": endlessAfter("HTTP/1.1 200 OK\r\nx-more: ", "y"),
  "100 Continue without end": endlessAfter("", "HTTP/1.1 100 Continue\r\n\r\n"),
  "103 Early Hints without end": endlessAfter("", "HTTP/1.1 103 Hints\r\nlink: </x>\r\n\r\n"),
  "a trailer without end": endlessAfter(
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n",
    "x-more: y\r\n",
  ),
};

const digest = digestOf(Buffer.from("of nothing that is here"));
const asked = [`manifests/${digest}`, "manifests/latest", "tags/list?n=2147483647"] as const;

test("whatever an upstream floods the mirror with is answered, ended, and costs little memory", async (t) => {
  await using scene = await startServing();
  for (const [at, [what, answer]] of Object.entries(floods).entries()) {
    await t.test(what, async () => {
      const targets = asked.map((path) => `/v2/good/flood${at}/${path}`);
      for (const target of targets) scene.upstream.answer(target.split("?")[0] ?? "", answer);

      const answers = await Promise.all(targets.flatMap((target) => both(scene, target)));

      for (const { status, complete, body } of answers) {
        assert.ok(status >= 400 && status !== 500, `${status}`);
        assert.equal(complete, true);
        assert.ok(body.length < 2000);
      }
      await assertBounded(scene, what, t);
    });
  }
  await scene.assertSound();
});

test("a token server that never ends is no way around the bounds", async (t) => {
  await using scene = await startServing();
  for (const [at, [what, answer]] of Object.entries(floods).entries()) {
    await t.test(what, async () => {
      const target = `/v2/good/token${at}/tags/list`;
      const realm = `${scene.upstream.url}/token${at}`;
      scene.upstream.answer(target, async (wire) => {
        await wire.whole("401 Unauthorized", { "www-authenticate": `Bearer realm="${realm}"` });
      });
      scene.upstream.answer(`/token${at}`, answer);

      const answers = await Promise.all(both(scene, target));

      for (const { status } of answers) assert.ok(status >= 400 && status !== 500, `${status}`);
      await assertBounded(scene, what, t);
    });
  }
  await scene.assertSound();
});

const manyDescriptors = (count: number): Buffer => {
  const layers = Array.from({ length: count }, (_, at) => ({
    digest: digestOf(Buffer.from([at])),
  }));
  return Buffer.from(JSON.stringify({ schemaVersion: 2, layers }));
};

/** A gigabyte of zeros: members of gzip, one behind the other, are the content of all. */
function gzipBomb(): Buffer {
  const member = gzipSync(Buffer.alloc(16 * mib));
  return Buffer.concat(Array.from({ length: 64 }, () => member));
}

const manifests: Readonly<Record<string, readonly [bytes: Buffer, status: number]>> = {
  "4 MiB of brackets": [Buffer.alloc(4 * mib, "["), 200],
  "4 MiB of empty objects": [Buffer.from(`[${"{},".repeat(1_398_000)}{}]`), 200],
  "45,000 descriptors": [manyDescriptors(45_000), 200],
  "100,000 descriptors": [manyDescriptors(100_000), 502],
  "a gzip bomb": [gzipBomb(), 200],
};

test("manifests that are hard to read are passed on as they are, and hold up nobody", async (t) => {
  await using scene = await startServing();
  for (const [what, [bytes, status]] of Object.entries(manifests)) {
    await t.test(what, async () => {
      const target = `/v2/good/app/manifests/${digestOf(bytes)}`;
      scene.upstream.answer(target, (wire) => {
        return wire.whole("200 OK", { ...type, "content-encoding": "identity" }, bytes);
      });

      for (const state of ["cold", "stored"]) {
        const answer = await rawRequest(scene.sluice.url, "GET", target);
        assert.equal(answer.status, status, state);
        if (status === 200) assert.ok(answer.body.equals(bytes), state);
      }
      await assertBounded(scene, what, t);
    });
  }
  await scene.assertSound();
});

test("a list of 4 MiB of brackets costs little memory", async (t) => {
  await using scene = await startServing();
  // Of the other one tags are known, which would do instead.
  const target = "/v2/good/unknown/tags/list";
  scene.upstream.answer(target, (wire) => wire.whole("200 OK", {}, Buffer.alloc(4 * mib, "[")));

  const answer = await rawRequest(scene.sluice.url, "GET", target);

  assert.equal(answer.status, 502);
  await assertBounded(scene, "a list of brackets", t);
  await scene.assertSound();
});

test("a blob that never ends fills the store to its bound and no further, and ends with its reader", async (t) => {
  await using scene = await startServing({ maxSize: "256MiB" });
  const truth = scene.upstream.blob("has an end", mib);
  const target = `/v2/good/app/blobs/${truth.digest}`;
  scene.upstream.answer(target, endless("200 OK", chunked));
  using reader = new RawRequest(scene.sluice.url, "GET", target);

  await eventually("the store takes no more", () =>
    scene.sluice.log.some(({ msg }) => msg === "pulls pass through unstored"),
  );
  await assertBounded(scene, "while it runs", t);
  const head = await rawRequest(scene.sluice.url, "HEAD", target);

  assert.ok(head.status === 200 || head.status >= 500);
  assert.notEqual(reader.answer?.complete, true);
  reader[Symbol.dispose]();
  await eventually("upstream's answer is ended", () => scene.upstream.busy === 0);
  scene.upstream.heal();
  await scene.pullWhole("good", truth);
  await scene.assertSound();
});

test("manifests, lists and tokens that come a byte at a time keep nobody from the rest", async (t) => {
  await using scene = await startServing();
  const targets = Array.from({ length: 50 }, (_, at) =>
    asked.map((path) => `/v2/good/slow${at}/${path}`),
  ).flat();
  for (const target of targets) {
    scene.upstream.answer(target.split("?")[0] ?? "", async (wire, { method }) => {
      await wire.head("200 OK", { ...type, "content-length": 100_000 });
      while (method === "GET" && !wire.gone) {
        await wire.raw("[");
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    });
  }
  const waiting = targets.map((target) => new RawRequest(scene.sluice.url, "GET", target));
  await eventually("all are asked for", () => {
    return scene.upstream.requests.filter(({ method }) => method === "GET").length > targets.length;
  });

  await assertBounded(scene, "while they run", t);

  for (const request of waiting) {
    assert.equal(request.answer, null);
    request[Symbol.dispose]();
  }
  await scene.upstream.down();
  await scene.upstream.up();
  await scene.assertSound();
});

function both({ sluice }: FaultProcessScene, target: string): Promise<RawAnswer>[] {
  return ["GET", "HEAD"].map((method) => rawRequest(sluice.url, method, target));
}

/** A scene that has served a while, and the most memory that took: what floods cost comes on top of it. */
async function startServing(options: FaultProcessOptions = {}): Promise<Serving> {
  const scene = await FaultProcessScene.start(options);
  for (let at = 0; at < 20; at++) await pullSome(scene, `before ${at}`);
  // The thread that looks through the catalog stays once it was needed, as to evict, and takes some 30 MiB.
  await ask(`${scene.sluice.adminUrl}/api/v1/images`);
  return Object.assign(scene, { usualBytes: (await scene.footprint()).peakBytes });
}

type Serving = FaultProcessScene & { readonly usualBytes: number };

/** Pulls from others go on, and memory is near what it was before. */
async function assertBounded(scene: Serving, what: string, t: TestContext): Promise<void> {
  await pullSome(scene, what);
  const moreBytes = (await scene.footprint()).peakBytes - scene.usualBytes;
  t.diagnostic(`${what}: ${Math.round(moreBytes / mib)} MiB more than usual`);
  assert.ok(moreBytes <= limitBytes, `${Math.round(moreBytes / mib)} MiB more than usual`);
}

async function pullSome(scene: FaultProcessScene, seed: string): Promise<void> {
  const manifest = manifestOfBytes(seed);
  const tag = `beside-${manifest.digest.slice(7, 20)}`;
  scene.upstream.tag(tag, manifest);
  const truth = scene.upstream.blob(`beside ${seed}`, mib);
  const place = `/v2/${beside}/good/app`;
  const { complete } = await scene.pull("good", truth, {
    target: `${place}/blobs/${truth.digest}`,
  });
  assert.equal(complete, true);
  const answer = await rawRequest(scene.sluice.url, "GET", `${place}/manifests/${tag}`);
  assert.deepEqual(answer.body, manifest.bytes);
}
