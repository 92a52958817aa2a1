import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Scrubber } from "../../src/mirror/upkeep/scrubber.ts";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import type { VerificationOrder } from "../../src/storage/verification/verification.ts";
import { storageDirectory } from "../storage/storage-directory.ts";
import { locationOf } from "../support/catalog-suite.ts";

const mib = 1024 ** 2;
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const periodMs = 30 * dayMs;

test("all that is stored is read once in the period, evenly", async () => {
  // Three GiB a blob: 240 GiB in 24 of 30 days are 121 KiB a second, so it is read at the slowest rate.
  await using scene = await startScene({ blobs: 80, sizeBytes: 3 * 1024 * mib });
  await scene.runUntil(() => scene.rounds.length === 2);

  const [first, second] = scene.rounds;
  assert.equal(first?.checked.length, 80);
  assert.equal(first.after, null);
  assert.equal(first.tookMs, 80 * 3 * 1024 * 1000);
  assert.equal(Math.round((second?.beganAtMs ?? 0) - first.beganAtMs), periodMs);
});

test("a large store is read faster, so that its round ends in the period", async () => {
  await using scene = await startScene({ blobs: 100, sizeBytes: 100 * 1024 * mib });
  await scene.runUntil(() => scene.rounds.length === 2);

  const [first, second] = scene.rounds;
  assert.ok(Math.abs((first?.tookMs ?? 0) - 0.8 * periodMs) < dayMs);
  assert.equal(Math.round((second?.beganAtMs ?? 0) - (first?.beganAtMs ?? 0)), periodMs);
});

test("after a restart the scrub goes on where it was", async () => {
  await using scene = await startScene({ blobs: 100, sizeBytes: 100 * 1024 * mib });
  await scene.runUntil(() => scene.checked === 40);
  const beganAtMs = scene.rounds[0]?.beganAtMs;
  scene.nowMs += dayMs;
  await scene.runUntil(() => scene.checked === 100);

  const [first, second] = scene.rounds;
  assert.equal(second?.after, first?.checked.at(-1));
  assert.equal(new Set([...(first?.checked ?? []), ...(second?.checked ?? [])]).size, 100);
  assert.equal((await scene.catalog.scrubRound())?.beganAtMs, beganAtMs);
});

test("a round of the scrub that failed is tried again from where it was", async () => {
  await using scene = await startScene({ blobs: 10, sizeBytes: 1024 * mib });
  scene.failAfter = 4;
  await scene.runUntil(() => scene.checked === 10);

  const [first, second] = scene.rounds;
  assert.deepEqual([first?.checked.length, second?.checked.length], [4, 6]);
  assert.ok(scene.logged.includes("could not scrub what is stored"));
});

interface Round {
  readonly after: Digest | null;
  readonly beganAtMs: number;
  readonly checked: Digest[];
  tookMs: number;
}

class Scene implements AsyncDisposable {
  readonly catalog: SqliteCatalog;
  readonly rounds: Round[] = [];
  readonly logged: string[] = [];
  nowMs = Date.parse("2026-01-01T00:00:00Z");
  failAfter = Number.POSITIVE_INFINITY;
  readonly #resources: AsyncDisposable;

  constructor(catalog: SqliteCatalog, resources: AsyncDisposable) {
    this.catalog = catalog;
    this.#resources = resources;
  }

  get checked(): number {
    return this.rounds.reduce((sum, { checked }) => sum + checked.length, 0);
  }

  /** A scrubber from its start until `isEnough`, as if the process ended then. */
  async runUntil(isEnough: () => boolean): Promise<void> {
    const ending = new AbortController();
    const pause = async (durationMs: number, signal: AbortSignal): Promise<void> => {
      signal.throwIfAborted();
      this.nowMs += durationMs;
    };
    const log = pino({}, { write: (line: string) => void this.logged.push(JSON.parse(line).msg) });
    const scrubber = new Scrubber({
      verifier: {
        scrub: (order, signal) => this.#scrub(order, signal, () => isEnough() && ending.abort()),
      },
      catalog: this.catalog,
      log,
      now: () => this.nowMs,
      monotonicMs: () => this.nowMs,
      periodMs,
      pause,
    });
    await assert.rejects(scrubber.run(ending.signal), { name: "AbortError" });
  }

  /** Goes through the rows as a verification does, in blobs as large as they say. */
  async #scrub(
    { pace, after, onChecked }: Omit<VerificationOrder, "aim">,
    signal: AbortSignal,
    look: () => void,
  ): Promise<number> {
    const round: Round = { after, beganAtMs: this.nowMs, checked: [], tookMs: 0 };
    this.rounds.push(round);
    look();
    for (const record of await this.catalog.blobs(after, 1000)) {
      if (this.checked === this.failAfter) {
        this.failAfter = Number.POSITIVE_INFINITY;
        throw new Error("the disk fails");
      }
      await pace.spend(record.sizeBytes, signal);
      round.checked.push(record.digest);
      round.tookMs = this.nowMs - round.beganAtMs;
      await onChecked?.(record);
      look();
    }
    return 0;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#resources[Symbol.asyncDispose]());
  }
}

async function startScene(of: { blobs: number; sizeBytes: number }): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const location = locationOf("docker.io", "library/alpine");
  for (let at = 0; at < of.blobs; at++) {
    const digest = digestOf(Buffer.from(`${at}`));
    await catalog.recordBlob(location, { digest, sizeBytes: of.sizeBytes, identity: "" }, 1);
  }
  return new Scene(catalog, stack.move());
}
