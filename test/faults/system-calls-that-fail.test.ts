import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { auditStore } from "../support/fault-oracles.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { InjectedFaults, type Injection } from "../support/injected-faults.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import type { SeededContent } from "../support/seeded-content.ts";
import { SeededRandom, seedOfRun } from "../support/seeded-random.ts";

interface Failure {
  readonly errors: readonly string[];
  /**
   * The pulls that must be whole. A disk that takes nothing fails no pull that upstream can serve; what cannot be read
   * from it may be an error, but never wrong.
   */
  readonly whole: readonly Pulled[];
}

type Pulled = "cold" | "warm" | "tag";

const all: readonly Pulled[] = ["cold", "warm", "tag"];

/** Calls of the store, of SQLite, or of both. Sockets make none of them. Last what fails requests, which the log keeps. */
const failures: Readonly<Record<string, Failure>> = {
  pwritev: { errors: ["EIO", "ENOSPC", "EDQUOT"], whole: all },
  pwrite64: { errors: ["EIO", "ENOSPC"], whole: all },
  fdatasync: { errors: ["EIO"], whole: all },
  fsync: { errors: ["EIO"], whole: all },
  rename: { errors: ["EIO", "EROFS", "ENOSPC"], whole: all },
  statfs: { errors: ["EIO"], whole: all },
  openat: { errors: ["EMFILE", "ENOSPC", "EROFS", "EIO"], whole: all },
  pread64: { errors: ["EIO"], whole: [] },
};

// The first of a call's turns find the store at its work; after them come the catalog's many.
const mostTurns = 5;

// Several turns of the writes of many buffers at once, which the store makes where more has come than it writes.
const coldBytes = 3_000_000;

const seed = seedOfRun();

test(`a system call that fails at any turn never makes an answer wrong, nor the store, nor ends the daemon (SLUICE_TEST_SEED=${seed})`, async (t) => {
  if (!canTrace(t)) return;
  await using scene = await FaultProcessScene.start({
    env: { UV_THREADPOOL_SIZE: "1" },
    settings: { freshness: { ttl: "0s" } },
  });
  for (const [call, failure] of Object.entries(failures)) {
    await t.test(call, async (one) => {
      const hits = await failInTurn(scene, call, failure);
      one.diagnostic(`${hits} calls were made to fail`);
      assert.ok(hits > 0, `nothing calls ${call} any more`);
      await assertNothingLeft(scene, failure);
    });
  }
});

const deaths: readonly (readonly [call: string, nth: number])[] = [
  ["openat", 1],
  ["pwritev", 1],
  ["pwritev", 2],
  ["fdatasync", 1],
  ["rename", 1],
  ["fsync", 1],
  ["pwrite64", 1],
  ["pwrite64", 3],
];

test("killed at any call of a pull that makes it last, the next daemon serves only what is right", async (t) => {
  if (!canTrace(t)) return;
  await using resources = new AsyncDisposableStack();
  const options = { env: { UV_THREADPOOL_SIZE: "1" } };
  let scene = resources.use(await FaultProcessScene.start(options));
  // The daemon that has healed what one death left is the next one to die.
  for (const [call, nth] of deaths) {
    const content = scene.upstream.blob(`killed at ${call} ${nth}`, coldBytes);
    const injection = { call, effect: "signal=SIGKILL", nth };
    await using strace = await InjectedFaults.attach(scene.sluice.pid, injection);

    await scene.pull("good", content);
    assert.deepEqual(await scene.sluice.exit(), { code: null, signal: "SIGKILL" });
    await strace.end();

    assert.deepEqual((await auditStore(scene.directory)).faults, []);
    scene = resources.use(await scene.restart());
    await scene.pullWhole("good", content);
    const { digests } = await scene.assertSound();
    assert.ok(digests.has(content.digest), `after ${call} number ${nth}`);
  }
});

/** Each error and each turn; which of them meet, the seed decides. Resolves to how many calls have failed. */
async function failInTurn(
  scene: FaultProcessScene,
  call: string,
  { errors, whole }: Failure,
): Promise<number> {
  const shuffled = new SeededRandom(seed).shuffle(errors);
  let hits = 0;
  for (let at = 0, nth = 1; at < mostTurns; at++) {
    const effect = `error=${shuffled[at % errors.length]}`;
    const calls = await failAt(scene, { call, effect, nth }, whole);
    hits += calls.length;
    if (calls.length > 0) nth++;
    else if (at >= errors.length) break;
    else nth = 1;
  }
  return hits;
}

/** A cold pull, a hit and a tag that has moved, while one call fails; then the same without. */
async function failAt(
  scene: FaultProcessScene,
  injection: Injection,
  whole: readonly Pulled[],
): Promise<string[]> {
  const name = `${injection.call} ${injection.effect} ${injection.nth}`;
  const warm = scene.upstream.blob(`warm ${name}`, 50_000);
  await scene.pullWhole("good", warm);
  const cold = scene.upstream.blob(name, coldBytes);
  const manifest = manifestOfBytes(name);
  scene.upstream.tag("latest", manifest);
  const byTag = { target: "/v2/good/app/manifests/latest" };
  await using strace = await InjectedFaults.attach(scene.sluice.pid, injection);

  const answers = {
    cold: await scene.pull("good", cold),
    warm: await scene.pull("good", warm),
    tag: await scene.pull("good", manifest.content, byTag),
  };
  await scene.atRest();
  const calls = await strace.detach();

  for (const what of all) {
    const { status, complete, text } = answers[what];
    const isWhole = status === 200 && complete;
    const story = `${name}, ${what}: ${status} ${text} after ${calls.join("\n")}`;
    assert.ok(isWhole || (!whole.includes(what) && (status >= 500 || !complete)), story);
  }
  assert.equal(scene.sluice.running, true, name);
  await assertNotStoredAfterLostSync(scene, [cold, manifest.content], calls);
  await scene.pullWhole("good", cold);
  await scene.pullWhole("good", warm);
  const again = await scene.pull("good", manifest.content, byTag);
  assert.ok(again.status === 200 && again.complete, name);
  return calls;
}

/** Once a sync has failed, the kernel may have dropped the bytes, whatever a second sync says. */
async function assertNotStoredAfterLostSync(
  scene: FaultProcessScene,
  contents: readonly SeededContent[],
  calls: readonly string[],
): Promise<void> {
  const lost = calls.filter((line) => /fdatasync\(\d+<[^>]*\/ingest\//.test(line));
  const { digests } = await auditStore(scene.directory);
  const stored = contents.filter(({ digest }) => digests.has(digest));
  assert.ok(stored.length <= contents.length - lost.length, `committed after ${lost.join("\n")}`);
}

async function assertNothingLeft(scene: FaultProcessScene, { whole }: Failure): Promise<void> {
  const last = scene.upstream.blob(`after ${scene.upstream.requests.length}`, 100_000);
  await scene.pullWhole("good", last);
  await scene.assertSound(
    whole.length === all.length ? "whatever was asked" : "what could be read",
  );
  await eventually("it stores again", async () => {
    const { digests } = await auditStore(scene.directory);
    return digests.has(last.digest);
  });
}

function canTrace(t: TestContext): boolean {
  return haveAll(t, "strace") && haveRoot(t);
}
