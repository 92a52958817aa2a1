import { behalfOf } from "../upstream/exchange/place.ts";
import type { Upstream } from "../upstream/upstream.ts";
import type { Target } from "../upstream/upstreams.ts";
import { type MemoryTable, memoryTable } from "./memory-table.ts";
import type { FreshnessPolicy } from "./tags/freshness.ts";

/**
 * What was asked for. A digest may be a manifest's or a blob's, and clients that do not know which try both ways: an
 * answer to one says nothing about the other.
 */
export type Asked = `manifest ${string}` | `blob ${string}`;

// For each upstream. A client that tries names costs a few hundred bytes a name, and no question for the second try.
const answersLimit = 10_000;

/**
 * What an upstream has just said "not found" to. Kept with the upstream itself: one that was configured anew, with other
 * credentials perhaps, is asked again.
 */
export class NotFound {
  readonly #now: () => number;
  #answers = new WeakMap<Upstream, MemoryTable<number>>();

  constructor(now: () => number) {
    this.#now = now;
  }

  has(target: Target, asked: Asked, { negativeTtlMs }: FreshnessPolicy): boolean {
    const saidAtMs = this.#of(target.upstream).get(keyOf(target, asked));
    if (saidAtMs === undefined) return false;
    const ageMs = this.#now() - saidAtMs;
    return ageMs >= 0 && ageMs < negativeTtlMs;
  }

  note(target: Target, asked: Asked): void {
    this.#of(target.upstream).set(keyOf(target, asked), this.#now());
  }

  /** There is such a thing after all. */
  forget(target: Target, asked: Asked): void {
    this.#of(target.upstream).delete(keyOf(target, asked));
  }

  /** Upstream is asked again for all of it. */
  clear(): void {
    this.#answers = new WeakMap();
  }

  #of(upstream: Upstream): MemoryTable<number> {
    const answers = this.#answers.get(upstream) ?? memoryTable<number>(answersLimit);
    this.#answers.set(upstream, answers);
    return answers;
  }
}

function keyOf(target: Target, asked: Asked): string {
  return `${target.repository} ${asked}${behalfOf(target)}`;
}
