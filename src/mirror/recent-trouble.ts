import { UpstreamError } from "../upstream/upstream-error.ts";
import { memoryTable } from "./memory-table.ts";

// Upstream is noticed to be well again within this time and the time of one more question.
const trouble = { forMs: 5_000, limit: 10_000 };

/**
 * Where upstream has just given no answer. With something stale at hand nobody waits for it again at once: it is asked
 * behind the answer.
 */
export class RecentTrouble {
  readonly #now: () => number;
  readonly #notedAtMs = memoryTable<number>(trouble.limit);
  readonly #overdue = memoryTable<{ readonly error: UpstreamError; readonly atMs: number }>(
    trouble.limit,
  );

  constructor(now: () => number) {
    this.#now = now;
  }

  /** What one question met; an upstream that cannot be reached at all is in trouble with every question. */
  note(upstream: string, key: string, error: unknown): void {
    if (!(error instanceof UpstreamError)) return;
    const { kind } = error.failure;
    // That is an answer.
    if (kind === "refused") return void this.#overdue.delete(key);
    const everything = kind === "unreachable" || kind === "timeout";
    this.#notedAtMs.set(everything ? upstream : key, this.#now());
    if (kind === "timeout") this.#overdue.set(key, { error, atMs: this.#now() });
  }

  /** The question was answered, so the upstream is well. */
  clear(upstream: string, key: string): void {
    this.#notedAtMs.delete(upstream);
    this.#notedAtMs.delete(key);
    this.#overdue.delete(key);
  }

  lately(upstream: string, key: string): boolean {
    return [upstream, key].some((one) => this.#isRecent(this.#notedAtMs.get(one)));
  }

  /**
   * How a question failed that was waited for in vain a moment ago; null if none was. Clients ask the same again at once
   * (dockerd GET after HEAD, podman up to three times), and would wait as often.
   */
  overdue(key: string): UpstreamError | null {
    const overdue = this.#overdue.get(key);
    return overdue && this.#isRecent(overdue.atMs) ? overdue.error : null;
  }

  #isRecent(notedAtMs: number | undefined): boolean {
    if (notedAtMs === undefined) return false;
    const ageMs = this.#now() - notedAtMs;
    return ageMs >= 0 && ageMs < trouble.forMs;
  }
}
