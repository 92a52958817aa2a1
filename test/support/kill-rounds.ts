import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { type CheckedAnswer, checkedPull } from "./checking-client.ts";
import { eventually } from "./eventually.ts";
import { assertNeverWrong, auditStore, temporaryIn } from "./fault-oracles.ts";
import { FaultUpstream } from "./fault-upstream.ts";
import type { LoopDisk } from "./loop-disk.ts";
import type { SeededContent } from "./seeded-content.ts";
import { SeededRandom } from "./seeded-random.ts";
import { SluiceProcess } from "./sluice-process.ts";

export interface KillRoundsOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly largestBytes: number;
  readonly longestMs: number;
  /** It stores here, and the power fails before it is killed; else in a temporary directory. */
  readonly disk?: LoopDisk;
}

const clients = 8;
const newBlobsARound = 8;

/**
 * Round after round: a daemon starts on the same directory, clients pull, and it is killed (SIGKILL) at a moment that
 * the seed decides. After each: only right content under final names, rows only of what is there, nothing temporary
 * left; what was once a hit stays one, unless the power fails as well.
 */
export async function killRounds(options: KillRoundsOptions): Promise<void> {
  await using rounds = await KillRounds.start(options);
  for (let round = 0; round < options.rounds; round++) await rounds.run();
  await rounds.pullEverything();
}

class KillRounds implements AsyncDisposable {
  readonly #options: KillRoundsOptions;
  readonly #random: SeededRandom;
  readonly #upstream: FaultUpstream;
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;
  readonly #contents: SeededContent[] = [];
  readonly #hits = new Set<SeededContent>();

  private constructor(
    options: KillRoundsOptions,
    parts: { readonly upstream: FaultUpstream; readonly directory: string },
    resources: AsyncDisposableStack,
  ) {
    this.#options = options;
    this.#random = new SeededRandom(options.seed);
    this.#upstream = parts.upstream;
    this.#directory = parts.directory;
    this.#resources = resources;
  }

  static async start(options: KillRoundsOptions): Promise<KillRounds> {
    await using resources = new AsyncDisposableStack();
    const upstream = resources.use(await FaultUpstream.start({ bytesPerSecond: 20_000_000 }));
    const home = options.disk ?? resources.use(await mkdtempDisposable(join(tmpdir(), "killed-")));
    const directory = join(home.path, "storage");
    return new KillRounds(options, { upstream, directory }, resources.move());
  }

  async run(): Promise<void> {
    const { seed, largestBytes, longestMs } = this.#options;
    await using sluice = await this.#startSluice();
    for (let at = 0; at < newBlobsARound; at++) {
      const sizeBytes = this.#random.sizeBetween(1024, largestBytes);
      this.#contents.push(this.#upstream.blob(`${seed} ${this.#contents.length}`, sizeBytes));
    }
    const pulling = Array.from({ length: clients }, () => this.#pullUntilKilled(sluice));
    await after(this.#random.between(50, longestMs));
    await this.#end(sluice);
    await Promise.all(pulling);
    assert.deepEqual((await auditStore(this.#directory)).faults, []);
  }

  /** At the end everything is right, and nothing temporary has gathered. */
  async pullEverything(): Promise<void> {
    await using sluice = await this.#startSluice();
    for (const content of this.#contents) {
      const { complete, trueBytes } = await this.#pull(sluice, content);
      assert.ok(complete && trueBytes === content.sizeBytes, `${content.seed}: ${trueBytes}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async #startSluice(): Promise<SluiceProcess> {
    await using stack = new AsyncDisposableStack();
    const sluice = stack.use(
      await SluiceProcess.start({
        upstreams: { "faults.test": { endpoints: [this.#upstream.url], default: true } },
        // The disk is smaller than what sluice leaves free by default.
        settings: { storage: { directory: this.#directory, minFree: "1MiB" } },
      }),
    );
    await eventually("what the killed one left is swept away", async () => {
      return (await temporaryIn(this.#directory)).length === 0;
    });
    assert.deepEqual((await auditStore(this.#directory)).faults, []);
    stack.move();
    return sluice;
  }

  async #end(sluice: SluiceProcess): Promise<void> {
    await this.#options.disk?.cutPower();
    sluice.kill("SIGKILL");
    const { signal } = await sluice.exit();
    assert.equal(signal, "SIGKILL");
    await this.#options.disk?.restorePower();
  }

  async #pullUntilKilled(sluice: SluiceProcess): Promise<void> {
    while (sluice.running) {
      const content = this.#random.pick(this.#contents);
      const { status } = await this.#pull(sluice, content);
      // Nobody listens any more.
      if (status === 0) return;
    }
  }

  async #pull(sluice: SluiceProcess, content: SeededContent): Promise<CheckedAnswer> {
    const request = { target: `/v2/good/app/blobs/${content.digest}`, truth: content };
    const answer = await checkedPull(sluice.url, request);
    assertNeverWrong(answer, request);
    if (answer.status === 0) return answer;
    // A disk without power gives no hits, and its last rows may be lost: then upstream is asked once more.
    if (this.#options.disk) return answer;
    assert.equal(answer.status, 200);
    const isHit = answer.headers["cache-status"] === "sluice; hit";
    assert.ok(isHit || !this.#hits.has(content), `${content.seed} was stored, and lost again`);
    if (isHit) this.#hits.add(content);
    return answer;
  }
}
