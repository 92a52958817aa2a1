import type { Now } from "../admin/routes/now.ts";
import type { Stats } from "../admin/routes/stats.ts";
import { ask } from "./ask.ts";
import { Rates } from "./rates.ts";

/** What is known of the mirror at this moment. */
export interface LiveState {
  /** `lost` after it was there. */
  readonly connection: "connecting" | "open" | "lost";
  /** Why it cannot be reached, where that is known. */
  readonly problem: string | null;
  /** The last that was told; null: nothing yet. */
  readonly now: Now | null;
}

// The mirror tells something every second. A connection that is gone may not show it by itself.
const silenceMs = 5_000;

const retryMs = 1_000;

/** The mirror's events, as long as the page is looked at. It comes back by itself when they end. */
export class LiveFeed {
  /** What follows from one event after the other. */
  readonly rates: Rates = new Rates();
  #state: LiveState = { connection: "connecting", problem: null, now: null };
  #source: EventSource | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #listeners = new Set<() => void>();

  get state(): LiveState {
    return this.#state;
  }

  /** Calls `listener` whenever the state has changed, until the function that it returns is called. */
  follow(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  start(): void {
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.#close();
      else this.#open();
    });
    this.#open();
  }

  #open(): void {
    this.#close();
    const source = new EventSource("api/v1/live");
    this.#source = source;
    // Without an answer the first figures come with the second event. Two minutes are more than small pictures show.
    ask<Stats>("stats?window=3m&step=1m", AbortSignal.timeout(silenceMs)).then(
      (stats) => {
        if (this.#source !== source) return;
        this.rates.begin(stats);
        this.#enter(this.#state);
      },
      () => {},
    );
    source.addEventListener("now", ({ data }: MessageEvent<string>) => {
      const now: Now = JSON.parse(data);
      this.rates.note(now, performance.now());
      this.#enter({ connection: "open", problem: null, now });
      this.#expect();
    });
    source.addEventListener("error", () => this.#lose());
    this.#expect();
  }

  #close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = null;
    this.rates.clear();
  }

  /** Whoever is silent for too long is gone. */
  #expect(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#lose(), silenceMs);
  }

  #lose(): void {
    const source = this.#source;
    this.#close();
    this.#enter({ ...this.#state, connection: "lost" });
    if (!source) return;
    this.#timer = setTimeout(() => this.#open(), retryMs);
    // Events do not tell why there are none.
    explain().then(
      (problem) => {
        if (this.#state.connection === "lost") this.#enter({ ...this.#state, problem });
      },
      () => {},
    );
  }

  #enter(state: LiveState): void {
    this.#state = state;
    for (const listener of this.#listeners) listener();
  }
}

/** Why the mirror tells nothing; null where it does not even say that. */
async function explain(): Promise<string | null> {
  const response = await fetch("api/v1/live", { signal: AbortSignal.timeout(silenceMs) });
  if (response.ok) {
    await response.body?.cancel();
    return null;
  }
  const { error } = await response.json();
  return typeof error === "string" ? error : null;
}
