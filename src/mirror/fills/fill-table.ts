import type { Digest } from "../../oci/digest.ts";
import type { Place } from "../../upstream/exchange/place.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { Target } from "../../upstream/upstreams.ts";
import type { StorageTools } from "../storage-tools.ts";
import type { Ruling } from "../tags/rules.ts";
import { Fill, type FillTools } from "./fill.ts";
import { FillReader } from "./fill-reader.ts";
import { LentMemory } from "./lent-memory.ts";
import { PassLimit } from "./pass-limit.ts";
import { describeFill, type RunningFill } from "./running-fill.ts";
import { WrongContent } from "./wrong-content.ts";

// Fills that nobody reads go on, for whoever began them will come back; but clients that come and go must not
// make the mirror download without end.
const detachedFillsLimit = 4;

// What all segments together may take: four fills, each with all of its window. Idle the mirror takes some 90 MiB, and it
// stays below 256 MiB so.
const segmentLimitBytes = 128 * 1024 * 1024;

// What of fills clients may hold that have not taken it yet: four batches, which hundreds of readers of the same few fills
// share. Beyond it they have copies, in buffers that are smaller the more of them there are.
const readerLimitBytes = 8 * 1024 * 1024;

/** The fills that run now: at most one an upstream and digest. */
export class FillTable {
  readonly #tools: FillTools;
  // In the order they began.
  readonly #fills = new Map<string, Fill>();
  readonly #runs = new Set<Promise<void>>();
  readonly #passLimit: PassLimit;
  readonly #wrong: WrongContent;

  constructor(tools: StorageTools) {
    this.#tools = {
      ...tools,
      segmentMemory: new LentMemory(segmentLimitBytes),
      readerMemory: new LentMemory(readerLimitBytes),
    };
    this.#passLimit = new PassLimit(tools.metrics);
    this.#wrong = new WrongContent(tools.now);
  }

  /** The fill that runs for this content, if one can still be joined. */
  find(upstream: Upstream, digest: Digest): Fill | null {
    const fill = this.#fills.get(keyOf(upstream, digest));
    return fill && fill.state.kind !== "failed" ? fill : null;
  }

  /** The content that is on its way into the store. */
  get arriving(): Digest[] {
    return [...this.#fills.values()].flatMap(({ digest, state: { kind } }) =>
      kind === "failed" || kind === "unstored" ? [] : digest,
    );
  }

  /** In the order they began. */
  get running(): RunningFill[] {
    return [...this.#fills.values()].flatMap((fill) => describeFill(fill) ?? []);
  }

  /**
   * Joins the fill that runs for this content, or begins one: from now on it has a reader, which `open` must give. Throws
   * UpstreamError as `WrongContent` tells mirrors.
   */
  join(
    { upstream, ...place }: Target,
    digest: Digest,
    ruling: Ruling,
  ): { fill: Fill; collapsed: boolean } {
    const running = this.find(upstream, digest);
    const wrong = running ? null : this.#wrong.toldTo(place, upstream.name, digest);
    if (wrong) throw wrong;
    const fill = running ?? new Fill(upstream, digest, this.#tools);
    fill.join(place, ruling);
    if (!running) this.#begin(fill);
    return { fill, collapsed: running !== null };
  }

  /**
   * The reader that `join` has counted, through its repository; "unknown" if that has no such blob. Rejects as
   * `Fill.answer` does. Aborting `signal` ends its waiting at once, so that the fill knows who still reads.
   */
  async open(fill: Fill, place: Place, signal: AbortSignal): Promise<FillReader | "unknown"> {
    const leave = (): Promise<void> => this.#leave(fill);
    const passLimit = this.#passLimit;
    const { metrics } = this.#tools;
    try {
      if ((await fill.answer(place, signal)) === "readable") {
        return new FillReader({ fill, place, passLimit, metrics, gone: signal, leave });
      }
      await leave();
      return "unknown";
    } catch (error) {
      await leave();
      throw error;
    }
  }

  /** Resolves when no fill runs. */
  async idle(): Promise<void> {
    while (this.#runs.size > 0) await Promise.all(this.#runs);
  }

  /** Ends every fill. */
  abort(reason: Error): void {
    for (const fill of this.#fills.values()) fill.abort(reason);
  }

  #begin(fill: Fill): void {
    const key = keyOf(fill.upstream, fill.digest);
    this.#fills.set(key, fill);
    const run = fill
      .run()
      .then(() => {
        // First, so that nobody joins content that is let go.
        if (this.#fills.get(key) === fill) this.#fills.delete(key);
        this.#noteIfWrong(fill);
        return fill.end();
      })
      .finally(() => this.#runs.delete(run));
    this.#runs.add(run);
  }

  #noteIfWrong({ upstream, digest, state }: Fill): void {
    if (state.kind !== "failed" || !(state.error instanceof UpstreamError)) return;
    if (state.error.failure.kind === "nonsense") {
      this.#wrong.note(upstream.name, digest, state.error);
    }
  }

  async #leave(fill: Fill): Promise<void> {
    await fill.leave();
    if (fill.readers === 0 && !fill.isKept) {
      fill.abort(new Error("nobody reads the fill, and nothing keeps it"));
    }
    this.#endNewest(fill.upstream);
  }

  #endNewest(of: Upstream): void {
    const detached = [...this.#fills.values()].filter(
      ({ upstream, readers, state }) =>
        upstream === of &&
        readers === 0 &&
        (state.kind === "connecting" || state.kind === "streaming"),
    );
    for (const newest of detached.slice(detachedFillsLimit)) {
      newest.abort(new Error("nobody reads the fill, and others without readers run already"));
    }
  }
}

function keyOf(upstream: Upstream, digest: Digest): string {
  return `${upstream.name} ${digest}`;
}
