import type { Now } from "../admin/routes/now.ts";
import type { Stats } from "../admin/routes/stats.ts";

/** How fast things are, over the last seconds. */
export interface Speeds {
  readonly requestsPerSecond: number;
  readonly sentBytesPerSecond: number;
  readonly receivedBytesPerSecond: number;
}

interface Sample {
  /** Of a clock that never jumps. */
  readonly atMs: number;
  readonly requests: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  /** By upstream and digest. */
  readonly fills: ReadonlyMap<string, number>;
}

// Shorter, and the figures jump with each request; longer, and they tell of what is over.
const overMs = 5_000;

const minuteSeconds = 60;

// As many as a small picture has room for.
const keptSpeeds = 90;

/** What follows from one moment after the other: how fast it is. */
export class Rates {
  /** The oldest first; the last few seconds. */
  readonly #samples: Sample[] = [];
  /** The oldest first. */
  readonly history: Speeds[] = [];
  #since: string | null = null;
  /** Before anything was seen here. */
  #before: Speeds | null = null;

  /** What the mirror's statistics say of its last whole minutes: the speeds until two moments are known, and the history before. */
  begin({ traffic }: Pick<Stats, "traffic">): void {
    if (traffic?.stepSeconds !== minuteSeconds) return;
    // The last step still runs.
    const minutes = traffic.total.steps.slice(0, -1).map(speedsIn);
    this.#before = minutes.at(-1) ?? null;
    // Each as long as what is seen from now on.
    const seconds = minutes.flatMap((speeds) => new Array<Speeds>(minuteSeconds).fill(speeds));
    const room = Math.max(0, keptSpeeds - this.history.length);
    this.history.unshift(...seconds.slice(Math.max(0, seconds.length - room)));
  }

  note(now: Now, atMs: number): void {
    // It counts from 0 again.
    if (this.#since !== null && now.stats.since !== this.#since) this.clear();
    this.#since = now.stats.since;
    this.#samples.push(sampleOf(now, atMs));
    while (this.#samples.length > 2 && (this.#samples[1]?.atMs ?? atMs) < atMs - overMs) {
      this.#samples.shift();
    }
    const measured = this.#measured();
    if (measured) this.history.push(measured);
    if (this.history.length > keptSpeeds) this.history.shift();
  }

  /** Forgets what it has seen, for there was a gap. */
  clear(): void {
    this.#samples.length = 0;
    this.history.length = 0;
    this.#before = null;
  }

  /** null as long as nothing can be said. */
  get speeds(): Speeds | null {
    return this.#measured() ?? this.#before;
  }

  #measured(): Speeds | null {
    const between = this.#ends();
    if (!between) return null;
    const { first, last, seconds } = between;
    return {
      requestsPerSecond: (last.requests - first.requests) / seconds,
      sentBytesPerSecond: (last.sentBytes - first.sentBytes) / seconds,
      receivedBytesPerSecond: (last.receivedBytes - first.receivedBytes) / seconds,
    };
  }

  /** How fast a fill is; null as long as nothing can be said. */
  bytesPerSecondOf(upstream: string, digest: string): number | null {
    const key = keyOf(upstream, digest);
    const known = this.#samples.filter(({ fills }) => fills.has(key));
    const [first, last] = [known[0], known.at(-1)];
    if (!first || !last || first === last) return null;
    const bytes = (last.fills.get(key) ?? 0) - (first.fills.get(key) ?? 0);
    return (1000 * bytes) / (last.atMs - first.atMs);
  }

  #ends(): { first: Sample; last: Sample; seconds: number } | null {
    const [first, last] = [this.#samples[0], this.#samples.at(-1)];
    if (!first || !last || first === last) return null;
    return { first, last, seconds: (last.atMs - first.atMs) / 1000 };
  }
}

function speedsIn(
  minute: Readonly<Record<"requests" | "sentBytes" | "receivedBytes", number>>,
): Speeds {
  return {
    requestsPerSecond: minute.requests / minuteSeconds,
    sentBytesPerSecond: minute.sentBytes / minuteSeconds,
    receivedBytesPerSecond: minute.receivedBytes / minuteSeconds,
  };
}

function sampleOf({ stats, fills }: Now, atMs: number): Sample {
  const sum = (key: "requests" | "sentBytes" | "receivedBytes"): number =>
    stats.upstreams.reduce((all, one) => all + one[key], 0);
  return {
    atMs,
    requests: sum("requests"),
    sentBytes: sum("sentBytes"),
    receivedBytes: sum("receivedBytes"),
    fills: new Map(
      fills.map(({ upstream, digest, doneBytes }) => [keyOf(upstream, digest), doneBytes]),
    ),
  };
}

function keyOf(upstream: string, digest: string): string {
  return `${upstream} ${digest}`;
}
