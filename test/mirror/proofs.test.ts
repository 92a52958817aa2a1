import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Behind } from "../../src/mirror/behind.ts";
import { RecentTrouble } from "../../src/mirror/recent-trouble.ts";
import { Proofs } from "../../src/mirror/rights/proofs.ts";
import { UpstreamError, type UpstreamFailure } from "../../src/upstream/upstream-error.ts";
import { unboundedCrowd } from "../support/unbounded.ts";

const hourMs = 3_600_000;
const upstream = "docker.io";
const key = "docker.io team/app sha256:1";

const refused: UpstreamFailure = { kind: "refused", status: 403, words: "", mirror: null };
const down: UpstreamFailure = { kind: "unreachable", reason: "ECONNREFUSED" };
const broken: UpstreamFailure = { kind: "status", status: 500, words: "", retryAfter: null };

test("what was never proven is asked before the answer, and remembered", async () => {
  const scene = new Scene(null);
  scene.says(true);

  assert.equal(await scene.holds(), true);
  assert.deepEqual(scene.recorded, [true]);
  assert.equal(await scene.holds(), true);
  assert.equal(scene.asked, 1);
});

test("what was never proven is not believed when upstream says no, refuses or is in trouble", async () => {
  for (const failure of [refused, down, broken]) {
    const scene = new Scene(null);
    scene.fails(failure);
    await assert.rejects(scene.holds(), { name: "UpstreamError" });
  }
  const scene = new Scene(null);
  scene.says(false);
  assert.equal(await scene.holds(), false);
});

test("a good proof asks nobody", async () => {
  const scene = new Scene(11 * hourMs);
  scene.says(false);

  assert.equal(await scene.holds(), true);
  await scene.behind.idle();
  assert.equal(scene.asked, 0);
});

test("an aging proof is renewed behind the answer", async () => {
  const scene = new Scene(12 * hourMs);
  const release = scene.holdsBack();
  scene.says(true);

  assert.equal(await scene.holds(), true);
  assert.deepEqual(scene.recorded, []);
  release();
  await scene.behind.idle();

  assert.deepEqual(scene.recorded, [true]);
  assert.equal(scene.asked, 1);
});

test("an expired proof is renewed before the answer", async () => {
  const scene = new Scene(24 * hourMs);
  scene.says(true);

  assert.equal(await scene.holds(), true);
  assert.deepEqual(scene.recorded, [true]);
});

for (const [age, ageMs] of [
  ["an aging", 23 * hourMs],
  ["an expired", 25 * hourMs],
] as const) {
  test(`'not found' and a refusal end ${age} proof`, async () => {
    for (const end of ["no", refused] as const) {
      const scene = new Scene(ageMs);
      if (end === "no") scene.says(false);
      else scene.fails(end);

      await scene.holds().catch(() => {});
      await scene.behind.idle();

      assert.deepEqual(scene.recorded, [false]);
      assert.equal(await scene.holds().catch(() => false), false, "nor later");
    }
  });

  test(`trouble of upstream ends ${age} proof never`, async () => {
    for (const failure of [down, broken]) {
      const scene = new Scene(ageMs);
      scene.fails(failure);

      assert.equal(await scene.holds(), true);
      await scene.behind.idle();
      assert.equal(await scene.holds(), true);

      assert.deepEqual(scene.recorded, []);
    }
  });
}

test("a refusal is told to whoever waits for it", async () => {
  const scene = new Scene(25 * hourMs);
  scene.fails(refused);

  await assert.rejects(scene.holds(), { failure: refused });
});

test("after trouble nobody waits: an expired proof is renewed behind the answer until upstream answers", async () => {
  const scene = new Scene(25 * hourMs);
  scene.fails(down);
  await scene.holds();
  const release = scene.holdsBack();

  assert.equal(await scene.holds(), true, "while the question hangs");
  scene.says(true);
  release();
  await scene.behind.idle();

  assert.deepEqual(scene.recorded, [true]);
});

test("an expired proof waits a second for an upstream that hangs, and holds", async (t) => {
  const scene = new Scene(25 * hourMs);
  const release = scene.holdsBack();
  scene.says(true);
  t.mock.timers.enable({ apis: ["setTimeout"] });

  const holds = scene.holds();
  t.mock.timers.tick(1_000);

  assert.equal(await holds, true);
  // No second passes any more.
  const next = await Promise.race([scene.holds(), scene.settle()]);
  assert.equal(next, true, "the next one does not wait");
  assert.deepEqual(scene.recorded, []);
  release();
  await scene.settle();
  assert.deepEqual(scene.recorded, [true], "the question went on");
  assert.equal(scene.asked, 1);
});

test("any number who ask at once make one question, and get its answer", async () => {
  const scene = new Scene(null);
  const release = scene.holdsBack();
  scene.says(true);

  const answers = Array.from({ length: 50 }, () => scene.holds());
  release();

  assert.deepEqual(new Set(await Promise.all(answers)), new Set([true]));
  assert.equal(scene.asked, 1);
});

test("a failure to remember is no trouble of upstream, and not passed over", async () => {
  const scene = new Scene(25 * hourMs);
  scene.says(false);
  scene.recordFails = true;

  await assert.rejects(scene.holds(), /the catalog failed/);
  assert.ok(!scene.trouble.lately(upstream, key));
});

/** One thing to be proven, and an upstream that says what it is told to. */
class Scene {
  readonly recorded: boolean[] = [];
  readonly behind: Behind;
  readonly trouble: RecentTrouble;
  recordFails = false;
  asked = 0;
  readonly #proofs: Proofs;
  readonly #nowMs = 1_000 * hourMs;
  isDown = false;
  #provenAtMs: number | null;
  #answer: boolean | UpstreamFailure = true;
  #released: Promise<void> = Promise.resolve();

  constructor(ageMs: number | null) {
    this.#provenAtMs = ageMs === null ? null : this.#nowMs - ageMs;
    const now = (): number => this.#nowMs;
    this.behind = new Behind(pino({ level: "silent" }));
    this.trouble = new RecentTrouble(now);
    const policy = {
      ttlMs: 0,
      staleWhileRevalidateMs: 0,
      staleIfErrorMs: 0,
      negativeTtlMs: 0,
      grantTtlMs: 24 * hourMs,
    };
    const { behind, trouble } = this;
    this.#proofs = new Proofs({ behind, trouble, now, policy: () => policy });
  }

  says(holds: boolean): void {
    this.#answer = holds;
  }

  fails(failure: UpstreamFailure): void {
    this.#answer = failure;
  }

  /** Answers only when the function that is returned is called. */
  holdsBack(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#released = promise;
    return resolve;
  }

  async holds(): Promise<boolean> {
    return await this.#proofs.holds({
      upstream,
      key,
      isDown: this.isDown,
      crowd: unboundedCrowd("upstream.example"),
      provenAtMs: this.#provenAtMs,
      ask: () => this.#ask(),
      record: (holds) => this.#record(holds),
    });
  }

  /** Everything that can happen without another event has happened. */
  async settle(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    setImmediate(resolve);
    await promise;
  }

  async #ask(): Promise<boolean> {
    this.asked++;
    await this.#released;
    if (typeof this.#answer === "boolean") return this.#answer;
    throw new UpstreamError(upstream, this.#answer);
  }

  async #record(holds: boolean): Promise<void> {
    if (this.recordFails) throw new Error("the catalog failed");
    this.recorded.push(holds);
    this.#provenAtMs = holds ? this.#nowMs : null;
  }
}
