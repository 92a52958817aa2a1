import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { digestOf } from "../../src/oci/digest.ts";
import { eventually } from "../support/eventually.ts";
import { type FaultManifest, manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { type RawAnswer, RawRequest, rawRequest } from "../support/raw-client.ts";
import { answerBytes } from "../upstream/raw-upstream.ts";

const evil = manifestOfBytes("evil");
const ofEvil = { "content-type": evil.mediaType, "docker-content-digest": evil.digest };

/** What comes behind an answer, twice where that is an answer: a HEAD and a GET might take one each. */
const strays: Readonly<Record<string, Buffer>> = {
  "a manifest": twice(answerBytes(200, ofEvil, evil.bytes)),
  "a list": twice(answerBytes(200, {}, '{"name":"evil","tags":["evil"]}')),
  "not found": twice(answerBytes(404, {}, "{}")),
  "a challenge": twice(
    answerBytes(401, { "www-authenticate": 'Bearer realm="http://127.0.0.1:1/evil"' }),
  ),
  "a redirect": twice(answerBytes(307, { location: "http://127.0.0.1:1/evil" })),
  "half an answer": Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 400000\r\nX: "),
  "bytes behind the length": Buffer.alloc(1000, "junk"),
};

/** When it comes. A stopped process finds at once all that came meanwhile, as one whose loop was busy does. */
const moments = ["with it", "1 ms later", "30 ms later", "when it is over"] as const;

/** What the stray answer comes behind. */
interface Carrier {
  readonly method: "GET" | "HEAD";
  readonly path: (manifest: FaultManifest) => string;
}

const carriers: Readonly<Record<string, Carrier>> = {
  "a blob": { method: "GET", path: ({ digest }) => `blobs/${digest}` },
  "the size of a blob": { method: "HEAD", path: ({ digest }) => `blobs/${digest}` },
  "a manifest": { method: "GET", path: ({ digest }) => `manifests/${digest}` },
  "a tag": { method: "GET", path: () => "manifests/carrier" },
};

for (const [what, carrier] of Object.entries(carriers)) {
  test(`an answer that comes behind ${what} unasked is never taken for another`, async () => {
    await using scene = await FaultProcessScene.start();
    let rounds = 0;
    for (const [name, stray] of Object.entries(strays)) {
      for (const moment of moments) {
        const repository = `good/round${rounds++}`;
        await strayRound(scene, { carrier, stray, moment, repository }, `${name} ${moment}`);
      }
    }
    assertAlone(scene);
    await scene.assertSound();
  });
}

/**
 * Whether bytes that lie in wait are read before or after the next request is written is up to the machine. It does
 * not matter where the next question that no digest checks has a connection that nothing came over before.
 */
function assertAlone({ upstream: { requests } }: FaultProcessScene): void {
  for (const { target, connection } of requests) {
    if (target.includes("sha256:")) continue;
    const sharing = requests.filter((one) => one.connection === connection);
    assert.equal(sharing.length, 1, `${target} shares a connection`);
  }
}

interface Round {
  readonly carrier: Carrier;
  readonly stray: Buffer;
  readonly moment: (typeof moments)[number];
  readonly repository: string;
}

async function strayRound(scene: FaultProcessScene, round: Round, what: string): Promise<void> {
  const own = manifestOfBytes(`${round.repository} carrier`);
  const { method, path } = round.carrier;
  const target = `/v2/${round.repository}/${path(own)}`;
  const asked = honestAnswers(scene, round.repository);
  const { promise: answered, resolve: answer } = Promise.withResolvers<void>();
  const strayed = sendStray(scene, { ...round, target, own, answered });

  const carrying = rawRequest(scene.sluice.url, method, target);
  if (round.moment === "when it is over") carrying.then(() => answer(), answer);
  await strayed;
  using stack = new DisposableStack();
  const asking = [...asked.keys()].map((one) => {
    return stack.use(new RawRequest(scene.sluice.url, "GET", one));
  });
  await Promise.all(asking.map(({ sent }) => sent));
  scene.sluice.kill("SIGCONT");

  const carried = await carrying;
  assert.equal(carried.status, 200, what);
  if (method === "GET") assert.ok(carried.body.equals(own.bytes), what);
  const answers = await Promise.all(asking.map((one) => one.end()));
  for (const [at, [one, bytes]] of [...asked].entries())
    assertHonest(answers[at], one, bytes, what);
  for (const [one, bytes] of asked) {
    const again = await rawRequest(scene.sluice.url, "GET", one);
    assert.ok(again.status === 200 && again.body.equals(bytes), `${what}: ${one} does not heal`);
  }
}

/** What nothing but upstream's word says must be its word; what a digest says may be missing, and not be wrong. */
function assertHonest(
  answer: RawAnswer | undefined,
  target: string,
  bytes: Buffer,
  what: string,
): void {
  const byDigest = target.includes("sha256:");
  const right = answer?.status === 200 && answer.complete && answer.body.equals(bytes);
  const missing = byDigest && (answer?.status !== 200 || !answer.complete);
  assert.ok(right || missing, `${what}: ${target} ${answer?.status} ${answer?.body.toString()}`);
}

/** Answers `target` once with more than was asked for; resolves when the kernel has all of it. */
async function sendStray(
  scene: FaultProcessScene,
  {
    moment,
    stray,
    target,
    own,
    answered,
  }: Round & {
    readonly target: string;
    readonly own: FaultManifest;
    readonly answered: Promise<void>;
  },
): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const { mediaType, bytes } = own;
  let begun = false;
  scene.upstream.answer(target, async (wire) => {
    const stops = !begun;
    begun = true;
    if (stops && moment === "with it") await stop(scene).catch(reject);
    await wire.whole("200 OK", { "content-type": mediaType }, bytes);
    if (!stops) return;
    if (moment === "1 ms later") await after(1);
    if (moment === "30 ms later") await after(30);
    if (moment === "when it is over") await answered.then(() => stop(scene)).catch(reject);
    await wire.raw(stray);
    resolve();
  });
  await promise;
}

async function stop({ sluice }: FaultProcessScene): Promise<void> {
  sluice.kill("SIGSTOP");
  await eventually("the process is stopped", async () => {
    return / T \d+ /.test(await readFile(`/proc/${sluice.pid}/stat`, "utf8"));
  });
}

/** What a repository holds, and upstream says when it is asked. */
function honestAnswers({ upstream }: FaultProcessScene, repository: string): Map<string, Buffer> {
  const [tagged, manifest] = [manifestOfBytes(`${repository} tag`), manifestOfBytes(repository)];
  const blob = Buffer.from(`blob of ${repository}`);
  const contents = new Map([
    // No digest in its header: the tag means whatever comes as the answer.
    ["manifests/latest", tagged.bytes],
    ["tags/list", Buffer.from(JSON.stringify({ name: repository, tags: ["latest"] }))],
    [`manifests/${manifest.digest}`, manifest.bytes],
    [`blobs/${digestOf(blob)}`, blob],
  ]);
  const answers = new Map(
    [...contents].map(([path, bytes]) => [`/v2/${repository}/${path}`, bytes]),
  );
  for (const [target, bytes] of answers) {
    upstream.answer(target, async (wire) => {
      await wire.whole("200 OK", { "content-type": manifest.mediaType }, bytes);
    });
  }
  return answers;
}

function twice(bytes: Buffer): Buffer {
  return Buffer.concat([bytes, bytes]);
}
