import { setTimeout as after } from "node:timers/promises";
import type { BlobRecord, Catalog, ScrubRound } from "../../storage/catalog.ts";
import { Pace } from "../../storage/verification/pace.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Verifier } from "./verifier.ts";

export interface ScrubberOptions {
  readonly verifier: Pick<Verifier, "scrub">;
  readonly catalog: Catalog;
  readonly log: Log;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
  /** In which all that is stored is read once. */
  readonly periodMs: number;
  /** Rejects when `signal` is aborted. */
  readonly pause?: (durationMs: number, signal: AbortSignal) => Promise<void>;
}

// The rest of the period is for the time in which no mirror ran.
const shareOfPeriod = 0.8;

// A small store is read at this rate and then left alone: slower, and one blob would stay open for hours.
const slowestBytesPerSecond = 1024 ** 2;

// What is checked again after a crash, at the rate of a scrub.
const recordEveryMs = 60_000;

// Whatever fails, the disk or the catalog, may be mended meanwhile.
const afterFailureMs = 3_600_000;

// The clients that waited for the mirror to come back go first.
const firstMs = 60_000;

// A clock that jumps is noticed within that.
const longestPauseMs = 3_600_000;

/** Reads all that is stored once in a period, at an even rate; goes on where it was after a restart. */
export class Scrubber {
  readonly #options: ScrubberOptions;

  constructor(options: ScrubberOptions) {
    this.#options = options;
  }

  /** Goes on until `signal` is aborted, and then rejects. */
  async run(signal: AbortSignal): Promise<never> {
    await this.#pause(firstMs, signal);
    for (;;) {
      try {
        await this.#doRound(await this.#presentRound(), signal);
        await this.#pause(await this.#untilNextMs(), signal);
      } catch (err) {
        signal.throwIfAborted();
        this.#options.log.error({ err }, "could not scrub what is stored");
        await this.#pause(afterFailureMs, signal);
      }
    }
  }

  async #presentRound(): Promise<ScrubRound> {
    const { catalog, now } = this.#options;
    const round = await catalog.scrubRound();
    if (round && (!round.isOver || (await this.#untilNextMs()) > 0)) return round;
    return { beganAtMs: now(), checkedTo: null, isOver: false };
  }

  async #doRound(begun: ScrubRound, signal: AbortSignal): Promise<void> {
    if (begun.isOver) return;
    const { verifier, catalog, log, now, monotonicMs } = this.#options;
    let bytesPerSecond = await this.#rate();
    let recordedAtMs = now();
    const onChecked = async ({ digest }: BlobRecord): Promise<void> => {
      if (now() - recordedAtMs < recordEveryMs) return;
      recordedAtMs = now();
      bytesPerSecond = await this.#rate();
      await catalog.recordScrubRound({ ...begun, checkedTo: digest });
    };
    const pause = this.#options.pause ? { pause: this.#options.pause } : {};
    const pace = new Pace({ rate: () => bytesPerSecond, monotonicMs, ...pause });
    const found = await verifier.scrub({ pace, after: begun.checkedTo, onChecked }, signal);
    await catalog.recordScrubRound({ ...begun, checkedTo: null, isOver: true });
    log.info({ found, tookMs: now() - begun.beganAtMs }, "scrubbed all that is stored");
  }

  async #rate(): Promise<number> {
    const { catalog, periodMs } = this.#options;
    const { bytes } = await catalog.usage();
    return Math.max(slowestBytesPerSecond, (1000 * bytes) / (shareOfPeriod * periodMs));
  }

  async #untilNextMs(): Promise<number> {
    const { catalog, now, periodMs } = this.#options;
    const round = await catalog.scrubRound();
    if (!round) return 0;
    // A round that began in the future was begun by a clock that was wrong.
    const ageMs = Math.max(0, now() - round.beganAtMs);
    return Math.min(Math.max(0, periodMs - ageMs), longestPauseMs);
  }

  #pause(durationMs: number, signal: AbortSignal): Promise<void> {
    const { pause = pauseFor } = this.#options;
    return pause(durationMs, signal);
  }
}

async function pauseFor(durationMs: number, signal: AbortSignal): Promise<void> {
  await after(durationMs, null, { signal });
}
