import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";
import type { Catalog } from "../catalog.ts";
import type { DiskBudget } from "../disk-budget.ts";
import { Received } from "./received.ts";
import type { SavingsReport, SavingsRequest } from "./savings-report.ts";
import { TrafficMeter } from "./traffic-meter.ts";
import type { TrafficReport } from "./traffic-report.ts";
import type { TrafficWindow } from "./traffic-window.ts";

export interface StatisticsTools {
  readonly catalog: Catalog;
  readonly budget: DiskBudget;
  readonly metrics: Metrics;
  readonly log: Log;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
}

// As often as the times of pulls are written: what a crash loses.
const flushMs = 5_000;

// Content is what the disk is for. Of a terabyte it is much less than that share: minutes of three upstreams take 15 MB a month.
const shareOfBound = 0.01;
const largestBytes = 64 * 1024 * 1024;
const smallestBytes = 1024 * 1024;

/** Traffic, gathered here and written to the catalog every few seconds; what it was in a window, over restarts. */
export class Statistics implements AsyncDisposable {
  readonly meter: TrafficMeter;
  readonly #tools: StatisticsTools;
  readonly #received: Received;
  readonly #timer: NodeJS.Timeout;
  #flushing: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(tools: StatisticsTools) {
    this.#tools = tools;
    this.meter = new TrafficMeter(tools.now);
    this.#received = new Received(tools.metrics);
    this.#timer = setInterval(() => this.#flushUnlessHeld(), flushMs).unref();
  }

  /** What happened in a window. Rejects with StorageError if it cannot be read. */
  async report(window: TrafficWindow): Promise<TrafficReport> {
    await this.flush();
    const { pending } = this.meter;
    return await this.#tools.catalog.ask({ kind: "traffic", window, pending });
  }

  /** What was saved in a window. Rejects with StorageError if it cannot be read. */
  async savings(request: SavingsRequest): Promise<SavingsReport> {
    await this.flush();
    const { pending } = this.meter;
    return await this.#tools.catalog.ask({ kind: "savings", request, pending });
  }

  /** Resolves when all that was gathered is written, or could not be and waits for the next time. */
  flush(): Promise<void> {
    this.#flushing = this.#flushing.then(() => this.#write());
    return this.#flushing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.flush();
  }

  /** While somebody reads an old state of the catalog each write makes its log longer: memory has room for half a day. */
  #flushUnlessHeld(): void {
    // It never rejects, and nobody needs to know when it has ended.
    if (!this.#tools.catalog.isLogLong) void this.flush();
  }

  async #write(): Promise<void> {
    const { catalog, budget, now } = this.#tools;
    for (const [upstream, received] of await this.#received.since()) {
      this.meter.noteReceived(upstream, received);
    }
    const minutes = this.meter.take();
    if (minutes.length === 0) return;
    try {
      const limitBytes = limitOf((await budget.usage()).limitBytes);
      await catalog.recordTraffic({ minutes, limitBytes, nowMs: now() });
      this.#noteWritten();
    } catch (error) {
      this.meter.giveBack(minutes);
      this.#noteFailure(error);
    }
  }

  #noteWritten(): void {
    if (this.#isFailing) {
      const { lostMinutes } = this.meter;
      this.#tools.log.info({ lostMinutes }, "statistics are written again");
    }
    this.#isFailing = false;
  }

  /** Once, not every few seconds. */
  #noteFailure(err: unknown): void {
    this.#tools.metrics.statisticsFailures.inc();
    if (!this.#isFailing) {
      this.#tools.log.error({ err }, "statistics could not be written, and wait in memory");
    }
    this.#isFailing = true;
  }
}

function limitOf(boundBytes: number): number {
  return Math.min(largestBytes, Math.max(smallestBytes, shareOfBound * boundBytes));
}
