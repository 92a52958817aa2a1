import { JoinedRuns } from "../../config/joined-runs.ts";
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

// Other writes wait for a transaction to end: with fifty networks of clients this one takes 7 ms, and one of half a day 0.8 s.
const minutesAtOnce = 5;

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
  readonly #flushes = new JoinedRuns(() => this.#write());
  #isFailing = false;
  #toldLostMinutes = 0;

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
    return this.#flushes.run();
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
    for (const [upstream, received] of await this.#received.since()) {
      this.meter.noteReceived(upstream, received);
    }
    // What happens meanwhile is left to the next time.
    for (let left = this.meter.pending.length; left > 0; left -= minutesAtOnce) {
      if (!(await this.#writeOldest(Math.min(left, minutesAtOnce)))) return;
    }
  }

  /** Resolves to false if they could not be written, and wait again. */
  async #writeOldest(count: number): Promise<boolean> {
    const { catalog, budget, now } = this.#tools;
    const minutes = this.meter.take(count);
    try {
      const limitBytes = limitOf((await budget.usage()).limitBytes);
      await catalog.recordTraffic({ minutes, limitBytes, nowMs: now() });
      this.#noteWritten();
      return true;
    } catch (error) {
      this.meter.giveBack(minutes);
      this.#noteFailure(error);
      return false;
    }
  }

  #noteWritten(): void {
    const { lostMinutes } = this.meter;
    if (this.#isFailing || lostMinutes > this.#toldLostMinutes) {
      this.#tools.log.info({ lostMinutes }, "statistics are written again");
    }
    this.#isFailing = false;
    this.#toldLostMinutes = lostMinutes;
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
