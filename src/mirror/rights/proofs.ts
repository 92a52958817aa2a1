import type { Crowd } from "../../upstream/crowd.ts";
import { type Flight, SingleFlight } from "../../upstream/single-flight.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Behind } from "../behind.ts";
import { withPatience } from "../patience.ts";
import type { RecentTrouble } from "../recent-trouble.ts";
import { type FreshnessPolicy, proofAge } from "../tags/freshness.ts";

/** Something only upstream can say, that was proven at some time or never. */
export interface Proof {
  readonly upstream: string;
  /** Whether upstream is not asked at present. */
  readonly isDown: boolean;
  /** Of upstream. */
  readonly crowd: Crowd;
  /** What is to be proven, as text. */
  readonly key: string;
  /** In ms since the epoch; null if never. */
  readonly provenAtMs: number | null;
  /** Asks upstream. Rejects with UpstreamError. */
  readonly ask: () => Promise<boolean>;
  /** Remembers that it holds, or forgets that it did. */
  readonly record: (holds: boolean) => Promise<void>;
}

/** "never" is asked for before the answer; the others as `proofAge` says. */
export type ProofAge = ReturnType<typeof proofAge> | "never";

export interface ProofTools {
  readonly behind: Behind;
  readonly trouble: RecentTrouble;
  readonly now: () => number;
  readonly policy: () => FreshnessPolicy;
}

// Whoever has something to serve does not wait longer for an upstream that gives no answer.
const patienceMs = 1_000;

/** Judges proofs by their age and lets upstream renew them: one question at a time for each. */
export class Proofs {
  readonly #tools: ProofTools;
  readonly #flights = new SingleFlight<boolean>();

  constructor(tools: ProofTools) {
    this.#tools = tools;
  }

  /**
   * Whether it holds. What was proven once holds on while upstream gives no answer; a refusal and a "not found" end it.
   * Rejects with UpstreamError when upstream refuses, or gives no answer to what was never proven.
   */
  async holds(proof: Proof): Promise<boolean> {
    const { behind, trouble } = this.#tools;
    const { provenAtMs, upstream, key, isDown } = proof;
    const age = this.ageOf(provenAtMs);
    if (age === "never") return await this.#proveFirst(proof);
    if (age === "good") return true;
    if (age === "aging" || isDown || trouble.lately(upstream, key)) {
      behind.run(upstream, key, () => this.#renew(proof).result);
      return true;
    }
    return await this.#renewOrKeep(proof);
  }

  /** How far a proof of that time has aged. */
  ageOf(provenAtMs: number | null): ProofAge {
    const { now, policy } = this.#tools;
    return provenAtMs === null ? "never" : proofAge(provenAtMs, now(), policy());
  }

  async #proveFirst(proof: Proof): Promise<boolean> {
    const overdue = this.#tools.trouble.overdue(proof.key);
    if (overdue) throw overdue;
    using _waiting = proof.crowd.enter();
    return await this.#renew(proof).result;
  }

  async #renewOrKeep(proof: Proof): Promise<boolean> {
    try {
      using _waiting = proof.crowd.enter();
      return await withPatience(this.#renew(proof), patienceMs, proof.upstream);
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.failure.kind === "refused") throw error;
      // Its patience may have ended before the question did.
      this.#tools.trouble.note(proof.upstream, proof.key, error);
      return true;
    }
  }

  #renew(proof: Proof): Flight<boolean> {
    return this.#flights.run(proof.key, () => this.#ask(proof));
  }

  async #ask({ upstream, key, ask, record }: Proof): Promise<boolean> {
    const { trouble } = this.#tools;
    try {
      const holds = await ask();
      trouble.clear(upstream, key);
      await record(holds);
      return holds;
    } catch (error) {
      trouble.note(upstream, key, error);
      if (error instanceof UpstreamError && error.failure.kind === "refused") await record(false);
      throw error;
    }
  }
}
