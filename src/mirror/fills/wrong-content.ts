import type { Digest } from "../../oci/digest.ts";
import { cameThroughMirror, type Place } from "../../upstream/exchange/place.ts";
import type { UpstreamError } from "../../upstream/upstream-error.ts";
import { memoryTable } from "../memory-table.ts";

// Longer than a mirror goes on asking for the rest of what was cut; then upstream may be well.
const believedMs = 5_000;

const failuresLimit = 1_000;

interface Failure {
  readonly error: UpstreamError;
  readonly atMs: number;
}

/**
 * Blobs of which upstream has just sent other content. A mirror whose answer is cut for that asks for the rest, again and
 * again, and each time all of it would be downloaded only to be cut: it is told why instead. Clients are not kept from a
 * new try.
 */
export class WrongContent {
  readonly #now: () => number;
  readonly #failures = memoryTable<Failure>(failuresLimit);

  constructor(now: () => number) {
    this.#now = now;
  }

  note(upstream: string, digest: Digest, error: UpstreamError): void {
    this.#failures.set(keyOf(upstream, digest), { error, atMs: this.#now() });
  }

  /** What there is to say to who asks again; null if it may be tried. */
  toldTo(place: Place, upstream: string, digest: Digest): UpstreamError | null {
    if (!cameThroughMirror(place)) return null;
    const failure = this.#failures.get(keyOf(upstream, digest));
    if (!failure) return null;
    const ageMs = this.#now() - failure.atMs;
    return ageMs >= 0 && ageMs < believedMs ? failure.error : null;
  }
}

function keyOf(upstream: string, digest: Digest): string {
  return `${upstream} ${digest}`;
}
