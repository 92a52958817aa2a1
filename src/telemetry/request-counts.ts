import type { Counter } from "prom-client";

/** What requests are counted by. */
export interface CountedBy {
  readonly upstream: string;
  readonly kind: string;
  readonly outcome: string;
}

interface RequestCount {
  readonly by: CountedBy;
  requests: number;
  /** Of content. */
  sentBytes: number;
}

/**
 * Counts requests in plain numbers until metrics are asked for, which is seldom: to add to a counter of prom-client means
 * to make its labels one text and to look that up.
 */
export class RequestCounts {
  readonly #byUpstream = new Map<string, Map<string, Map<string, RequestCount>>>();

  note({ upstream, kind, outcome }: CountedBy, sentBytes: number): void {
    const count = this.#countOf(upstream, kind, outcome);
    count.requests++;
    count.sentBytes += sentBytes;
  }

  /** Sets a counter to all since the mirror began. What has none has no line there. */
  tell(counter: Counter<keyof CountedBy>, what: "requests" | "sentBytes"): void {
    counter.reset();
    for (const byKind of this.#byUpstream.values())
      for (const byOutcome of byKind.values())
        for (const count of byOutcome.values())
          if (count[what] > 0) counter.inc({ ...count.by }, count[what]);
  }

  #countOf(upstream: string, kind: string, outcome: string): RequestCount {
    const byKind = entry(this.#byUpstream, upstream, () => new Map());
    const byOutcome = entry(byKind, kind, () => new Map<string, RequestCount>());
    return entry(byOutcome, outcome, () => ({
      by: { upstream, kind, outcome },
      requests: 0,
      sentBytes: 0,
    }));
  }
}

function entry<Value>(map: Map<string, Value>, key: string, make: () => Value): Value {
  const known = map.get(key);
  if (known !== undefined) return known;
  const made = make();
  map.set(key, made);
  return made;
}
