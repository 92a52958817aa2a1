/**
 * How much a failure says about the endpoint: "grave" that it gives no answer at all, or wrong bytes; "slight" that it
 * gave none to this question.
 */
export type Severity = "grave" | "slight";

export interface Trouble {
  readonly severity: Severity;
  /** A few words for operators. */
  readonly reason: string;
  /** How long it asked to be left alone, in ms; 0 if it did not. */
  readonly retryAfterMs: number;
}

/** Times are in ms, of the clock that never jumps. */
export type BreakerState =
  | { readonly kind: "closed" }
  /** Left alone until `untilMs`, then for one probe to come. */
  | {
      readonly kind: "open";
      readonly sinceMs: number;
      readonly untilMs: number;
      readonly reason: string;
    }
  /** One request finds out whether it answers again; the others leave it alone. */
  | { readonly kind: "half-open"; readonly sinceMs: number; readonly reason: string };

/** The leave to ask once. Exactly one of its methods must be called; what comes later is not heard. */
export interface Permit {
  readonly isProbe: boolean;
  /** It answered, whatever it said. */
  answered(): void;
  failed(trouble: Trouble): void;
  /** Nothing was learned: whoever asked went away. */
  abandoned(): void;
}

export interface BreakerOptions {
  readonly monotonicMs: () => number;
  /** As Math.random. */
  readonly random: () => number;
  /** Told of each change of state. */
  readonly onChange: (state: BreakerState, before: BreakerState) => void;
}

// What a failure leaves of the health: two grave ones in a row open the breaker; four slight ones make it doubtful. One alone
// may be an accident. An upstream that cuts each answer but gives the next one never comes near.
const leftAfter: Readonly<Record<Severity, number>> = { grave: 0.4, slight: 0.7 };
const opensBelow = 0.25;

// Below it others are asked first.
const ailsBelow = 0.5;

// What a probe that was answered proves: it is asked in its place again, and the next grave failure opens the breaker.
const onProbation = 0.5;

// From here on the next outage is a new one, and not the same that goes on.
const wellAbove = 0.9;

// Half of the health that is missing comes back in this time, without an answer: who is not asked cannot show it.
const recoveryMs = 10_000;

// 1, 2, 4, 8 seconds, less up to a half by chance so that many mirrors do not come back at once. A healed endpoint is
// noticed by the first pull after 8 s, and one question in that time burdens nobody.
const firstPauseMs = 1_000;
const longestPauseMs = 8_000;

/** Whether an endpoint is asked: closed while it answers, open while it is left alone, half-open for one probe. */
export class Breaker {
  readonly #options: BreakerOptions;
  #state: BreakerState = { kind: "closed" };
  #health = 1;
  #healthAtMs = 0;
  // How often it opened since it was last well.
  #openings = 0;
  #probed = Promise.withResolvers<void>();
  // Whether somebody finds out about a doubt.
  #isExamined = false;

  constructor(options: BreakerOptions) {
    this.#options = options;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** Resolves when the probe that runs has come to something; null while none runs. */
  get probed(): Promise<void> | null {
    return this.#state.kind === "half-open" ? this.#probed.promise : null;
  }

  /** 1: it answers; towards 0: it fails. */
  get health(): number {
    const passedMs = this.#options.monotonicMs() - this.#healthAtMs;
    return 1 - (1 - this.#health) * 2 ** (-passedMs / recoveryMs);
  }

  /** Whether others, if there are any, are to be asked first. */
  get isAiling(): boolean {
    return this.health < ailsBelow;
  }

  /** Leave to ask, or null while the endpoint is left alone. */
  enter(): Permit | null {
    const state = this.#state;
    if (state.kind === "closed") return this.#permit(state);
    if (state.kind === "half-open" || this.#options.monotonicMs() < state.untilMs) return null;
    const { sinceMs, reason } = state;
    return this.#permit(this.#enterState({ kind: "half-open", sinceMs, reason }));
  }

  /**
   * Leave to ask something that it is known to answer, after questions enough that it gave no answer to: they may be all
   * that it fails with, and whoever asks them must not keep everyone else from it. null where there is no such doubt, or
   * somebody finds out already.
   */
  doubt(): Permit | null {
    const state = this.#state;
    if (state.kind !== "closed" || this.#isExamined || this.health >= opensBelow) return null;
    this.#isExamined = true;
    const settle = (act: () => void): void => {
      this.#isExamined = false;
      if (this.#state === state) act();
    };
    return {
      isProbe: false,
      answered: () => settle(() => this.#answeredWhileClosed()),
      failed: (trouble) => settle(() => this.#failedWhileClosed({ ...trouble, severity: "grave" })),
      abandoned: () => settle(() => {}),
    };
  }

  /** Without leave: something went wrong with an answer that had begun. */
  noteFailure(trouble: Trouble): void {
    if (this.#state.kind === "closed") this.#failedWhileClosed(trouble);
  }

  // What was asked in another state says nothing about this one.
  #permit(state: BreakerState): Permit {
    let isSpent = false;
    const whileSame = (act: () => void): void => {
      if (!isSpent && this.#state === state) act();
      isSpent = true;
    };
    if (state.kind === "closed") {
      return {
        isProbe: false,
        answered: () => whileSame(() => this.#answeredWhileClosed()),
        failed: (trouble) => whileSame(() => this.#failedWhileClosed(trouble)),
        abandoned: () => {},
      };
    }
    return {
      isProbe: true,
      answered: () => whileSame(() => this.#close()),
      failed: (trouble) => whileSame(() => this.#open(trouble)),
      abandoned: () => whileSame(() => this.#dueAtOnce()),
    };
  }

  #answeredWhileClosed(): void {
    this.#setHealth((1 + this.health) / 2);
    if (this.#health > wellAbove) this.#openings = 0;
  }

  #failedWhileClosed(trouble: Trouble): void {
    this.#setHealth(this.health * leftAfter[trouble.severity]);
    if (this.#health < opensBelow && trouble.severity === "grave") this.#open(trouble);
  }

  #close(): void {
    this.#setHealth(onProbation);
    this.#enterState({ kind: "closed" });
  }

  #open({ reason, retryAfterMs }: Trouble): void {
    const { monotonicMs, random } = this.#options;
    const pauseMs = Math.min(firstPauseMs * 2 ** this.#openings, longestPauseMs);
    this.#openings++;
    const nowMs = monotonicMs();
    const untilMs = nowMs + Math.max(pauseMs * (1 - random() / 2), retryAfterMs);
    const sinceMs = this.#state.kind === "closed" ? nowMs : this.#state.sinceMs;
    this.#enterState({ kind: "open", sinceMs, untilMs, reason });
  }

  #dueAtOnce(): void {
    if (this.#state.kind !== "half-open") return;
    const { sinceMs, reason } = this.#state;
    this.#enterState({ kind: "open", sinceMs, untilMs: this.#options.monotonicMs(), reason });
  }

  #setHealth(health: number): void {
    this.#health = health;
    this.#healthAtMs = this.#options.monotonicMs();
  }

  #enterState(state: BreakerState): BreakerState {
    const before = this.#state;
    this.#state = state;
    this.#options.onChange(state, before);
    if (before.kind === "half-open") {
      this.#probed.resolve();
      this.#probed = Promise.withResolvers();
    }
    return state;
  }
}
