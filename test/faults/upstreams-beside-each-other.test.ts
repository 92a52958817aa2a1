import assert from "node:assert/strict";
import { test } from "node:test";
import { CheckingClient } from "../support/checking-client.ts";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { FaultUpstream, type PathAnswer } from "../support/fault-upstream.ts";

const sizeBytes = 200_000;
const besideOf = (target: string): string => target.replace("/v2/", "/v2/beside.test/");

test("one name and tag at two upstreams are two manifests, and stay so while one is down", async () => {
  await using beside = await FaultUpstream.start();
  await using scene = await FaultScene.start({ beside });
  const [here, there] = [manifestOfBytes("here"), manifestOfBytes("there")];
  scene.upstream.tag("latest", here);
  beside.tag("latest", there);
  const tag = "/v2/good/app/manifests/latest";

  for (let turn = 0; turn < 2; turn++) {
    const [one, other] = await Promise.all([
      scene.mirror.get(tag),
      scene.mirror.get(besideOf(tag)),
    ]);
    assert.deepEqual(one.body, here.bytes);
    assert.deepEqual(other.body, there.bytes);
    scene.mirror.advance(24 * 3_600_000);
    await beside.down();
  }

  // What one has is no answer for the other, which has it not, or cannot be asked.
  const foreign = await scene.mirror.get(`/v2/good/app/manifests/${there.digest}`);
  const asked = await scene.mirror.get(besideOf(`/v2/good/app/manifests/${here.digest}`));
  assert.equal(foreign.status, 404);
  assert.equal(asked.status, 502);
  await beside.up();
  await scene.assertSound({ stored: [here.content, there.content] });
});

const refusals = ["401 Unauthorized", "403 Forbidden", "404 Not Found"];

test("what one upstream gives the other may refuse, cold and stored, to GET, HEAD and ranges", async () => {
  await using beside = await FaultUpstream.start();
  await using scene = await FaultScene.start({ beside });
  for (const status of refusals) {
    const content = scene.upstream.blob(status, sizeBytes);
    const target = `/v2/good/app/blobs/${content.digest}`;
    beside.answer(target, async (wire) => await wire.whole(status, {}));
    const ask = async (): Promise<number[]> => {
      const answers = [
        await scene.mirror.get(besideOf(target)),
        await scene.mirror.head(besideOf(target)),
        await scene.mirror.get(besideOf(target), { range: "bytes=0-9" }),
        await scene.mirror.get(besideOf(target), { "if-none-match": "*" }),
      ];
      assert.ok(answers.every(({ body }) => body.length < 1000));
      return answers.map((answer) => answer.status);
    };

    const cold = await ask();
    await scene.pullWhole("good", content);
    await scene.mirror.idle();
    const stored = await ask();

    const expected = status.startsWith("404") ? 404 : 403;
    assert.deepEqual(cold, [expected, expected, expected, expected]);
    assert.deepEqual(stored, cold);
  }
  await scene.assertSound();
});

test("an upstream that sends wrong bytes for a digest spoils it for nobody else, at the same time either", async () => {
  await using beside = await FaultUpstream.start();
  await using scene = await FaultScene.start({ beside });
  const content = scene.upstream.blob("shared", sizeBytes);
  const release = beside.hold(beside.blob("shared", sizeBytes), sizeBytes / 2);
  using lying = scene.open("beside.test/flip-first", content);
  await lying.when(({ bodyBytes }) => bodyBytes === sizeBytes / 2);

  await scene.pullWhole("good", content);
  release();
  const lied = await lying.end();
  await scene.mirror.idle();
  const again = await scene.pullWhole("good", content);

  assert.equal(lied.complete, false);
  assert.equal(again.headers["cache-status"], "sluice; hit");
  assert.equal(scene.blobGets(content), 1);
  await scene.assertSound({ stored: [content] });
});

test("200 clients of blobs and tags of an upstream that stalls keep nobody from another, and are told when it goes down", async () => {
  await using beside = await FaultUpstream.start();
  await using scene = await FaultScene.start({
    beside,
    settings: {
      timeouts: { connectMs: 60_000, headersMs: 60_000, answerMs: 60_000, bodyIdleMs: 60_000 },
    },
  });
  const stalled = Array.from({ length: 100 }, (_, at) => {
    const content = scene.upstream.blob(`stalled ${at}`, 1000);
    return scene.open("stall-at-once", content);
  });
  const tags = Array.from({ length: 100 }, (_, at) => {
    const target = `/v2/good/stalled${at}/manifests/latest`;
    scene.upstream.answer(target, async (wire) => await wire.silence());
    const truth = scene.upstream.blob("none", 0);
    return new CheckingClient(scene.mirror.url, { target, truth });
  });
  const waiting = [...stalled, ...tags];
  const manifest = manifestOfBytes("beside the stalled");
  beside.tag("latest", manifest);
  const contents = [1, 2, 3].map((at) => beside.blob(`beside the stalled ${at}`, sizeBytes));

  for (const content of [...contents, ...contents]) {
    await scene.pullWhole("beside.test/good", content);
  }
  const tag = await scene.mirror.get("/v2/beside.test/good/app/manifests/latest");

  assert.deepEqual(tag.body, manifest.bytes);
  for (const client of waiting) assert.equal(client.answer.status, 0);
  await scene.upstream.down();
  for (const client of waiting) assert.ok((await client.end()).status >= 500);
  await scene.upstream.up();
  await scene.assertSound({ stored: contents });
});

test("two upstreams with one token server get a token each, for what they ask and nothing else", async () => {
  await using tokens = await FaultUpstream.start();
  await using beside = await FaultUpstream.start();
  await using scene = await FaultScene.start({ beside });
  let given = 0;
  tokens.answer("/token", async (wire) => {
    given++;
    const token = JSON.stringify({ token: `CANARYT${given}`, expires_in: 300 });
    await wire.whole("200 OK", { "content-type": "application/json" }, token);
  });
  const list = "/v2/good/app/tags/list";
  // The same realm, service and scope: all that a token's name is made of.
  const guarded: PathAnswer = async (wire, { headers }) => {
    const challenge = `Bearer realm="${tokens.url}/token",service="shared"`;
    if (headers["authorization"]) await wire.whole("200 OK", {}, '{"tags":[]}');
    else await wire.whole("401 Unauthorized", { "www-authenticate": challenge });
  };
  scene.upstream.answer(list, guarded);
  beside.answer(list, guarded);

  for (let turn = 0; turn < 2; turn++) {
    assert.equal((await scene.mirror.get(list)).status, 200);
    assert.equal((await scene.mirror.get(besideOf(list))).status, 200);
  }

  const sent = [scene.upstream, beside].map(({ requests }) => {
    return new Set(requests.map(({ headers }) => headers["authorization"]).filter(Boolean));
  });
  assert.deepEqual(sent, [new Set(["Bearer CANARYT1"]), new Set(["Bearer CANARYT2"])]);
  assert.ok(tokens.requests.every(({ headers }) => headers["authorization"] === undefined));
  assert.doesNotMatch(JSON.stringify(scene.mirror.logLines), /CANARY/);
  tokens.closeIdle();
  await scene.assertSound();
});
