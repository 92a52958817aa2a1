import { formatDuration } from "../config/units.ts";
import { type Finding, ok, warn } from "./finding.ts";

// Tokens that live for five minutes, and registries that sign URLs for one, take no more.
const tolerableMs = 60_000;

/** This machine's clock beside those of the upstreams, as their answers say. */
export class Clock {
  readonly #now: () => number;
  #skewsMs: number[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Takes the `Date` header of an answer that has just come. */
  note(date: string | undefined): void {
    const atMs = Date.parse(date ?? "");
    if (Number.isFinite(atMs)) this.#skewsMs.push(this.#now() - atMs);
  }

  findings(): readonly Finding[] {
    // One that agrees is enough: the others are wrong themselves.
    const [skewMs] = this.#skewsMs.toSorted((one, other) => Math.abs(one) - Math.abs(other));
    if (skewMs === undefined) return [];
    if (Math.abs(skewMs) <= tolerableMs) return [ok("clock", "agrees with the upstreams'")];
    const way = skewMs > 0 ? "ahead of" : "behind";
    return [
      warn(
        "clock",
        `this machine's is ${formatDuration(Math.abs(skewMs))} ${way} the upstreams': certificates and tokens are refused for that`,
        "set it, and let an NTP service keep it (timedatectl set-ntp true)",
      ),
    ];
  }
}
