import { Worker } from "node:worker_threads";
import type { Catalog } from "../../storage/catalog.ts";
import type { DiskBudget } from "../../storage/disk-budget.ts";
import type { LoggedPulls } from "../../storage/images/logged-pulls.ts";
import { presentPolicy } from "../eviction/eviction-policy.ts";
import type { EvictionSettings } from "../eviction/evictor.ts";
import type { ReplayedCache } from "./replay.ts";
import type { ReplayThreadData } from "./replay-thread.ts";
import type { ReplayResult } from "./simulated-cache.ts";
import {
  type SimulatedSize,
  type Simulation,
  type SimulationRequest,
  sizesOf,
} from "./simulation.ts";

export interface SimulatorTools {
  readonly catalog: Catalog;
  readonly budget: DiskBudget;
  readonly now: () => number;
  /** As they are configured now. */
  readonly settings: () => EvictionSettings;
  /** Writes what is not in the log yet. */
  readonly flush: () => Promise<void>;
}

const dayMs = 86_400_000;

// A million pulls of 100,000 images take 330 MB. What would take more ends the thread and not the process.
const heapLimitMb = 1024;

/** Replays the log of pulls against caches of other sizes and policies. */
export class Simulator implements AsyncDisposable {
  readonly #tools: SimulatorTools;
  #running = false;
  #ended = false;
  #worker: Worker | null = null;

  constructor(tools: SimulatorTools) {
    this.#tools = tools;
  }

  /**
   * Resolves to null, at once, while another simulation runs: one may take a core for some seconds. Aborting `signal` ends
   * it; then it rejects with the signal's reason.
   */
  async simulate(request: SimulationRequest, signal: AbortSignal): Promise<Simulation | null> {
    if (this.#running) return null;
    this.#running = true;
    try {
      return await this.#simulate(request, signal);
    } finally {
      this.#running = false;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended = true;
    await this.#worker?.terminate();
  }

  async #simulate(request: SimulationRequest, signal: AbortSignal): Promise<Simulation> {
    const { catalog, budget, now, flush, settings } = this.#tools;
    await flush();
    const { limitBytes } = await budget.usage();
    const sinceMs = request.days === null ? 0 : now() - request.days * dayMs;
    const logged = await catalog.ask({ kind: "pulls", sinceMs });
    const { highWatermark, lowWatermark, pins, maxIdleMs } = settings();
    const caches = sizesOf(request, limitBytes).flatMap((limitBytes) =>
      (request.policies ?? [presentPolicy]).map((policy) => ({
        limitBytes,
        policy,
        highWatermark,
        lowWatermark,
      })),
    );
    // The thread takes the log over, and leaves nothing of it here.
    const span = spanOf(logged);
    const results = await this.#replay({ logged, caches }, signal);
    const days = (span.lastMs - span.firstMs) / dayMs;
    return {
      from: span.pulls > 0 ? new Date(span.firstMs).toISOString() : null,
      to: span.pulls > 0 ? new Date(span.lastMs).toISOString() : null,
      days,
      pulls: span.pulls,
      images: span.images,
      highWatermark,
      lowWatermark,
      leftOut: [
        ...(pins.length > 0 ? (["pins"] as const) : []),
        ...(maxIdleMs === null ? [] : (["maxIdle"] as const)),
      ],
      caches: caches.flatMap((cache, at) => {
        const result = results[at];
        return result ? [simulatedSize(cache, result, { days, presentBytes: limitBytes })] : [];
      }),
    };
  }

  async #replay(data: ReplayThreadData, signal: AbortSignal): Promise<readonly ReplayResult[]> {
    if (this.#ended) throw new Error("the mirror stops");
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<readonly ReplayResult[]>();
    const { atMs, images, members, memberEnds } = data.logged;
    const worker = new Worker(new URL("./replay-thread.ts", import.meta.url), {
      workerData: data,
      transferList: [atMs, images, members, memberEnds].map(({ buffer }) => buffer),
      resourceLimits: { maxOldGenerationSizeMb: heapLimitMb },
    });
    this.#worker = worker;
    const end = (): void => void worker.terminate();
    signal.addEventListener("abort", end);
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => {
      this.#worker = null;
      signal.removeEventListener("abort", end);
      // Behind a message this rejects nothing any more.
      const ended = new Error(`the thread of the simulation ended with ${code}`);
      reject(signal.aborted ? signal.reason : ended);
    });
    return promise;
  }
}

interface Span {
  readonly pulls: number;
  readonly images: number;
  readonly firstMs: number;
  readonly lastMs: number;
}

function spanOf({ atMs, memberEnds }: LoggedPulls): Span {
  const [firstMs, lastMs] = [atMs[0] ?? 0, atMs.at(-1) ?? 0];
  // A clock that was set back makes no span of less than nothing.
  return {
    pulls: atMs.length,
    images: memberEnds.length,
    firstMs,
    lastMs: Math.max(firstMs, lastMs),
  };
}

function simulatedSize(
  { limitBytes, policy }: ReplayedCache,
  result: ReplayResult,
  { days, presentBytes }: { readonly days: number; readonly presentBytes: number },
): SimulatedSize {
  const { pulls, imageHits, hitBytes, missBytes } = result;
  const { evictedImages, evictedBytes, highestBytes } = result;
  return {
    maxSizeBytes: limitBytes,
    policy,
    isPresent: limitBytes === presentBytes,
    imageHitRate: share(imageHits, pulls),
    byteHitRate: share(hitBytes, hitBytes + missBytes),
    upstreamBytes: missBytes,
    // Some hours are no measure of a day: they count as one.
    upstreamBytesPerDay: Math.round(missBytes / Math.max(1, days)),
    evictedImages,
    evictedBytes,
    highestBytes,
  };
}

function share(part: number, whole: number): number | null {
  return whole > 0 ? part / whole : null;
}
