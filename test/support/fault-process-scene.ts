import assert from "node:assert/strict";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "./ask.ts";
import {
  type CheckedAnswer,
  type CheckedRequest,
  CheckingClient,
  checkedPull,
} from "./checking-client.ts";
import { eventually } from "./eventually.ts";
import {
  assertNeverWrong,
  auditStore,
  descriptorsOfThread,
  type StoreAudit,
  temporaryIn,
} from "./fault-oracles.ts";
import { FaultUpstream, type FaultUpstreamOptions } from "./fault-upstream.ts";
import { lieOf } from "./faults.ts";
import type { SeededContent } from "./seeded-content.ts";
import { type Settings, SluiceProcess } from "./sluice-process.ts";

export interface FaultProcessOptions extends FaultUpstreamOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Top-level settings beside those that every scene has. */
  readonly settings?: Settings;
  /** A program and its arguments by way of which the daemon is started. */
  readonly through?: readonly string[];
  /** Of the upstream, as in the configuration. */
  readonly timeouts?: Settings;
  /** As in the configuration. */
  readonly maxSize?: string;
}

// The same upstream once more, by another name: it is asked though the first is left alone for what it did.
export const beside = "beside.test";

interface Place {
  readonly upstream: FaultUpstream;
  readonly directory: string;
  readonly options: FaultProcessOptions;
}

/** The daemon as users run it before an upstream that breaks: for what a whole process shows, its memory above all. */
export class FaultProcessScene implements AsyncDisposable {
  readonly upstream: FaultUpstream;
  readonly sluice: SluiceProcess;
  readonly directory: string;
  readonly idle: ProcessFootprint;
  readonly #place: Place;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    place: Place,
    { sluice, idle }: { readonly sluice: SluiceProcess; readonly idle: ProcessFootprint },
    resources: AsyncDisposableStack,
  ) {
    this.upstream = place.upstream;
    this.directory = place.directory;
    this.sluice = sluice;
    this.idle = idle;
    this.#place = place;
    this.#resources = resources;
  }

  static async start(options: FaultProcessOptions = {}): Promise<FaultProcessScene> {
    await using resources = new AsyncDisposableStack();
    const upstream = resources.use(await FaultUpstream.start(options));
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "fault-process-")));
    const place = { upstream, directory: join(home.path, "storage"), options };
    return await FaultProcessScene.#begin(place, resources);
  }

  /** Another daemon on the same directory, after this one has ended. */
  async restart(): Promise<FaultProcessScene> {
    await using resources = new AsyncDisposableStack();
    return await FaultProcessScene.#begin(this.#place, resources);
  }

  static async #begin(place: Place, resources: AsyncDisposableStack): Promise<FaultProcessScene> {
    const { upstream, directory, options } = place;
    const { env = {}, settings = {}, timeouts = {}, maxSize, through = [] } = options;
    const sluice = resources.use(
      await SluiceProcess.start({
        upstreams: {
          "faults.test": { endpoints: [upstream.url], default: true, timeouts },
          [beside]: { endpoints: [upstream.url], timeouts },
        },
        settings: { storage: { directory, ...(maxSize ? { maxSize } : {}) }, ...settings },
        env,
        through,
      }),
    );
    // It opens directories behind the pulls, and a call that is to fail at its first turn is to be one of a pull.
    await eventually("the files are compared with the catalog", () =>
      sluice.log.some(({ msg }) => msg === "compared the files with the catalog"),
    );
    // So that what the first pull of all allocates counts as idle.
    const warm = upstream.blob("warm-up", 100_000);
    await checkedPull(sluice.url, requestFor("good", warm, {}));
    const idle = await footprintOf(sluice);
    return new FaultProcessScene(place, { sluice, idle }, resources.move());
  }

  open(fault: string, truth: SeededContent, more: Partial<CheckedRequest> = {}): CheckingClient {
    return new CheckingClient(this.sluice.url, requestFor(fault, truth, more));
  }

  /** A pull to its end; whatever became of it, it is not wrong. */
  async pull(
    fault: string,
    truth: SeededContent,
    more: Partial<CheckedRequest> = {},
  ): Promise<CheckedAnswer> {
    const request = requestFor(fault, truth, more);
    const answer = await checkedPull(this.sluice.url, request);
    assertNeverWrong(answer, request);
    return answer;
  }

  async pullWhole(fault: string, truth: SeededContent): Promise<CheckedAnswer> {
    const answer = await this.pull(fault, truth);
    assert.deepEqual(
      { status: answer.status, complete: answer.complete, bytes: answer.trueBytes },
      { status: 200, complete: true, bytes: truth.sizeBytes },
      `${fault} ${truth.seed}: ${answer.text.toString()}`,
    );
    return answer;
  }

  /** Resolves when what was pulled is stored, or will not be: clients have all of it before. */
  async atRest(): Promise<void> {
    await eventually("no fill runs", async () => {
      const { bytes } = await ask(`${this.sluice.adminUrl}/api/v1/stats`);
      return JSON.parse(bytes.toString()).fillsInFlight === 0;
    });
  }

  async footprint(): Promise<ProcessFootprint> {
    return await footprintOf(this.sluice);
  }

  /**
   * What must hold after any fault: the same process, with nothing to complain of; a store of right content only; and
   * descriptors and timers as they were. Where a stored file or the catalog could not be read, requests may have
   * failed for it.
   */
  async assertSound(
    reading: "whatever was asked" | "what could be read" = "whatever was asked",
  ): Promise<StoreAudit> {
    await this.atRest();
    await eventually("no temporary file is left", async () => {
      return (await temporaryIn(this.directory)).length === 0;
    });
    const audit = await auditStore(this.directory);
    assert.deepEqual(audit.faults, []);
    assert.deepEqual(audit.temporary, []);
    await eventually("no answer of the upstream runs", () => this.upstream.busy === 0);
    this.upstream.closeIdle();
    let last = this.idle;
    await eventually("descriptors and timers are what they were", async () => {
      last = await this.footprint();
      const { descriptors, timers } = this.idle;
      return last.descriptors <= descriptors + 5 + descriptorsOfThread && last.timers <= timers + 5;
    }).catch((error: unknown) => {
      throw new Error(`${JSON.stringify(this.idle)} became ${JSON.stringify(last)}`, {
        cause: error,
      });
    });
    assert.equal(this.sluice.running, true);
    assert.equal(this.sluice.stderr, "");
    const broken = this.sluice.log.filter(
      ({ msg, level }) =>
        level === "fatal" || (reading === "whatever was asked" && msg === "request failed"),
    );
    assert.deepEqual(broken, []);
    return audit;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

export interface ProcessFootprint {
  readonly descriptors: number;
  readonly timers: number;
  /** The most that was ever resident. */
  readonly peakBytes: number;
}

export async function footprintOf(sluice: SluiceProcess): Promise<ProcessFootprint> {
  const metrics = (await ask(`${sluice.adminUrl}/metrics`)).bytes.toString();
  const status = await readFile(`/proc/${sluice.pid}/status`, "utf8");
  return {
    descriptors: numberIn(metrics, /^process_open_fds (\d+)$/m),
    // Without a line where there is none.
    timers: numberIn(metrics, /^nodejs_active_resources\{type="Timeout"\} (\d+)$/m, "0"),
    peakBytes: numberIn(status, /^VmHWM:\s+(\d+) kB$/m) * 1024,
  };
}

function numberIn(text: string, pattern: RegExp, otherwise?: string): number {
  const found = pattern.exec(text)?.[1] ?? otherwise;
  if (found === undefined) throw new Error(`nothing is like ${pattern}`);
  return Number(found);
}

function requestFor(
  fault: string,
  truth: SeededContent,
  more: Partial<CheckedRequest>,
): CheckedRequest {
  const target = `/v2/${fault}/app/blobs/${truth.digest}`;
  return { target, truth, lie: lieOf(fault, truth), ...more };
}
