import type { PullOutcome } from "../mirror/pull-outcome.ts";

/** What came of a request that was answered: with the request itself, all that its log line and metrics need. */
export interface Served {
  /** null where nothing was pulled: `/v2/`, lists, health. */
  readonly outcome: PullOutcome | null;
  /** Bytes of content the client took. */
  readonly sentBytes: number;
  /** Why the client did not take all of it; null if it did. Clients that read a part and leave are normal. */
  readonly left: string | null;
  /** Whether the client took the manifest of an image: what registries count as a pull. */
  readonly isPull: boolean;
}

/** What came of one that was not. */
export interface Failed {
  readonly error: unknown;
}

/** An answer without content. */
export function servedNothing(outcome: PullOutcome | null): Served {
  return { outcome, sentBytes: 0, left: null, isPull: false };
}
