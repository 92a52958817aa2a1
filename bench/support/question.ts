import type { Contestant } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import type { Origin } from "./origin.ts";
import type { Scoreboard } from "./scoreboard.ts";

/** What a bench file asks, and how it is answered. */
export interface Question {
  readonly name: string;
  readonly rows: readonly Row[];
  /** Adds a reading to `bench.board` for every contestant and round it plays. */
  play(bench: Bench): Promise<void>;
}

/** A line of the table. Its samples are in the scoreboard under `label`. */
export interface Row {
  readonly label: string;
  readonly unit: string;
  /** How many decimals say something. */
  readonly decimals: number;
  readonly targets: readonly Target[];
}

/** What sluice must reach: a multiple of what a peer does, or a value of its own. */
export interface Target {
  readonly of: string;
  readonly kind: "at least" | "at most";
  readonly value: number;
}

export interface Bench {
  readonly lab: Lab;
  readonly origin: Origin;
  readonly board: Scoreboard;
  readonly size: Size;
  /** Only those that are installed; sluice first. */
  readonly contestants: readonly Contestant[];
}

export interface Size {
  readonly blobBytes: number;
  /** Rounds that count. */
  readonly rounds: number;
  /** Rounds that are played before them and thrown away. */
  readonly discardedRounds: number;
  readonly wrkSeconds: number;
  /** What the large catalog knows. */
  readonly catalogBlobs: number;
}
