import assert from "node:assert/strict";
import { test } from "node:test";
import { FaultScene } from "../support/fault-scene.ts";
import type { FaultUpstream } from "../support/fault-upstream.ts";
import { rawRequest } from "../support/raw-client.ts";
import { SeededContent } from "../support/seeded-content.ts";

const clients = 100;
const digest = new SeededContent("behind a limit", 1_000).digest;
const kinds: Readonly<Record<string, string>> = {
  "a tag": "/v2/good/app/manifests/latest",
  "a manifest": `/v2/good/app/manifests/${digest}`,
  "a blob": `/v2/good/app/blobs/${digest}`,
};

for (const [what, target] of Object.entries(kinds)) {
  test(`a hundred clients of ${what} cost a registry that answers 429, and says not for how long, next to one question`, async () => {
    await using scene = await FaultScene.start({ machineClock: false });
    const { promise: released, resolve: release } = Promise.withResolvers<void>();
    limit(scene.upstream, [target], { released });

    const storming = storm(scene, () => target);
    // They have all been sent, and read unless the machine is slow.
    await rawRequest(scene.mirror.url, "GET", "/v2/");
    await rawRequest(scene.mirror.url, "GET", "/v2/");
    release();

    assert.deepEqual(new Set(await storming), new Set([429]));
    // Who comes when the answer is on its way is the next question, together with others like him.
    assert.ok(scene.upstream.requests.length < clients / 10);
  });
}

test("a storm of clients costs a registry that wants a minute of peace only what was under way", async () => {
  await using scene = await FaultScene.start({ machineClock: false });
  const targets = Array.from({ length: clients }, (_, at) => `/v2/good/app/manifests/${at}`);
  limit(scene.upstream, targets, { headers: { "retry-after": "60" } });
  const { requests } = scene.upstream;

  await storm(scene, (at) => targets[at] ?? "");
  const underWay = requests.length;
  for (let wave = 0; wave < 3; wave++) {
    const statuses = await storm(scene, (at) => Object.values(kinds)[at % 3] ?? "");
    assert.deepEqual(new Set(statuses), new Set([429]));
    scene.mirror.advance(19_999);
  }

  assert.ok(underWay <= clients);
  assert.equal(requests.length, underWay, "it was asked within the minute");
  // Each answer asked for a minute from when it came, so all are over now.
  scene.upstream.heal();
  scene.mirror.advance(60_000);
  assert.equal((await rawRequest(scene.mirror.url, "GET", targets[0] ?? "")).status, 404);
  assert.ok(requests.length > underWay);
});

/** Refuses what is asked for, once it is released. */
function limit(
  upstream: FaultUpstream,
  targets: readonly string[],
  answers: {
    readonly headers?: Readonly<Record<string, string>>;
    readonly released?: Promise<void>;
  },
): void {
  const { headers = {}, released } = answers;
  for (const target of targets) {
    upstream.answer(target, async (wire) => {
      await released;
      await wire.whole("429 Too Many Requests", headers, "slow down");
    });
  }
}

/** As many clients at once, each with what it asks for. */
async function storm(scene: FaultScene, targetOf: (at: number) => string): Promise<number[]> {
  const answers = Array.from({ length: clients }, (_, at) =>
    rawRequest(scene.mirror.url, "GET", targetOf(at)),
  );
  return (await Promise.all(answers)).map(({ status }) => status);
}
