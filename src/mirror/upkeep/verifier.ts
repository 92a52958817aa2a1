import type { BlobRecord } from "../../storage/catalog.ts";
import { Pace } from "../../storage/verification/pace.ts";
import {
  type Finding,
  Verification,
  type VerificationOrder,
  type VerificationTools,
  type VerifyProgress,
} from "../../storage/verification/verification.ts";
import type { Log } from "../../telemetry/log.ts";
import type { Metrics } from "../../telemetry/metrics.ts";

export interface VerifierTools extends VerificationTools {
  readonly metrics: Metrics;
  readonly log: Log;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
}

/** What an operator asks for. */
export interface VerifyOrder {
  readonly aim: VerificationOrder["aim"];
  /** In bytes a second; null: as fast as it goes. */
  readonly bytesPerSecond: number | null;
}

/** A verification for whoever asked for it, until it is run to its end or disposed. */
export interface BegunVerification extends Disposable {
  progress(): Promise<VerifyProgress>;
  /** As `Verification.run`. */
  run(signal: AbortSignal): AsyncGenerator<Finding>;
}

/** Verifies what is stored, for an operator or, by and by, for `Scrubber`; damage is logged and counted. */
export class Verifier implements AsyncDisposable {
  readonly #tools: VerifierTools;
  readonly #ending = new AbortController();
  readonly #runs = new Set<Promise<void>>();
  #isBusy = false;

  constructor(tools: VerifierTools) {
    this.#tools = tools;
  }

  /** One at a time: null while another one runs. */
  begin({ aim, bytesPerSecond }: VerifyOrder): BegunVerification | null {
    if (this.#isBusy) return null;
    this.#isBusy = true;
    const { monotonicMs } = this.#tools;
    const pace = new Pace({ rate: () => bytesPerSecond, monotonicMs });
    const verification = new Verification(this.#tools, this.#counted({ aim, pace, after: null }));
    return {
      progress: () => verification.progress(),
      run: (signal) => this.#run(verification, signal),
      [Symbol.dispose]: () => {
        this.#isBusy = false;
      },
    };
  }

  /** Mends all behind `after`, at a pace; resolves to how much was damaged. Rejects when `signal` is aborted. */
  async scrub(order: Omit<VerificationOrder, "aim">, signal: AbortSignal): Promise<number> {
    const counted = this.#counted({ ...order, aim: "mend" });
    let found = 0;
    for await (const { kind } of this.#run(new Verification(this.#tools, counted), signal)) {
      if (kind !== "foreign") found += 1;
    }
    return found;
  }

  /** Ends what runs. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error("the mirror stops"));
    await Promise.all(this.#runs);
  }

  async *#run(verification: Verification, signal: AbortSignal): AsyncGenerator<Finding> {
    const either = AbortSignal.any([signal, this.#ending.signal]);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#runs.add(promise);
    try {
      for await (const finding of verification.run(either)) {
        this.#report(finding);
        yield finding;
      }
    } finally {
      this.#runs.delete(promise);
      resolve();
    }
  }

  #counted(order: VerificationOrder): VerificationOrder {
    const onChecked = async (record: BlobRecord): Promise<void> => {
      this.#tools.metrics.scrubbedBytes.inc(record.sizeBytes);
      await order.onChecked?.(record);
    };
    return { ...order, onChecked };
  }

  #report(finding: Finding): void {
    const { metrics, log } = this.#tools;
    const { kind, ...rest } = finding;
    if (kind === "foreign") return;
    if (kind === "wrong-bytes" || kind === "wrong-size") metrics.storedDigestMismatches.inc();
    log.error({ damage: kind, ...rest }, "stored content is damaged");
  }
}
