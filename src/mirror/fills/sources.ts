import type { Digest } from "../../oci/digest.ts";
import type { Repository } from "../../oci/repository.ts";
import type { UpstreamBlob } from "../../upstream/answers.ts";
import { behalfOf, type Place } from "../../upstream/exchange/place.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import { Retries } from "./retries.ts";

/** Why a repository did not give the blob: its error, or "unknown" for a 404. */
export type Refusal = UpstreamError | "unknown";

/** An answer that has begun, and the repository it came through. */
export interface Found {
  readonly blob: UpstreamBlob;
  readonly place: Place;
}

interface Source {
  readonly place: Place;
  refusal: Refusal | null;
}

/**
 * The repositories of one upstream that a blob may come through, each asked on behalf of those who may have it. One that
 * refuses is no end while there are others.
 */
export class Sources {
  readonly #upstream: Upstream;
  readonly #digest: Digest;
  readonly #sources: Source[] = [];

  constructor(upstream: Upstream, digest: Digest) {
    this.#upstream = upstream;
    this.#digest = digest;
  }

  /** Whether the repository was added on this behalf, and has not refused. */
  has(place: Place): boolean {
    return this.#of(place)?.refusal === null;
  }

  /** The one that was added first; null: none was yet. */
  get first(): Repository | null {
    return this.#sources[0]?.place.repository ?? null;
  }

  add(place: Place): void {
    if (!this.has(place)) this.#sources.push({ place, refusal: null });
  }

  /** null while the repository was not asked, or has the blob. */
  refusalOf(place: Place): Refusal | null {
    return this.#of(place)?.refusal ?? null;
  }

  /**
   * Asks one after the other, in the order in which they were added, those that are added meanwhile included, and calls
   * `onRefusal` after each that refuses. What may pass is tried again, as often for one source as for many. Resolves to
   * null when all refused; rejects when upstream cannot be asked, or `signal` is aborted, which ends what was found too.
   */
  async connect(onRefusal: () => void, signal: AbortSignal): Promise<Found | null> {
    const retries = new Retries({ upstream: this.#upstream, asked: "answer", signal });
    for (const source of this.#sources) {
      const answer = await this.#ask(source.place, { retries, signal });
      if (answer !== "unknown" && !(answer instanceof UpstreamError)) {
        return { blob: answer, place: source.place };
      }
      source.refusal = answer;
      onRefusal();
    }
    return null;
  }

  // One that had refused may have been added again, when it had proven that it has the blob after all.
  #of(place: Place): Source | undefined {
    return this.#sources.findLast((source) => keyOf(source.place) === keyOf(place));
  }

  async #ask(
    place: Place,
    { retries, signal }: { readonly retries: Retries; readonly signal: AbortSignal },
  ): Promise<UpstreamBlob | Refusal> {
    const ask = (): Promise<UpstreamBlob | null> =>
      this.#upstream.getBlob(place, this.#digest, signal);
    try {
      return (await retries.run(ask)) ?? "unknown";
    } catch (error) {
      if (error instanceof UpstreamError && error.failure.kind === "refused") return error;
      throw error;
    }
  }
}

function keyOf(place: Place): string {
  return place.repository + behalfOf(place);
}
