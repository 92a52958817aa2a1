import type { Contestant } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import type { LargeStores } from "./large-store.ts";
import type { Origin } from "./origin.ts";
import type { Scoreboard } from "./scoreboard.ts";

/** What a bench file asks, and how it is answered. */
export interface Question {
  readonly name: string;
  readonly rows: readonly Row[];
  readonly curves?: readonly Curve[];
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

/** How something of sluice grows with something else. Its samples are in the scoreboard under `label`. */
export interface Curve {
  readonly label: string;
  readonly unit: string;
  readonly decimals: number;
  /** What there is more and more of. */
  readonly over: string;
  /** The most that the exponent may be: of what stays as it is, it is 0; of what grows as much, 1. */
  readonly mostExponent: number;
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
  /** Whether there is time for who has this name. */
  readonly plays: (name: string) => boolean;
  readonly largeStores: LargeStores;
}

export interface Size {
  readonly name: "full" | "quick";
  /** Which of those that are installed play: all, or those only that a target of the question names. */
  readonly peers: "all" | "targeted";
  readonly blobBytes: number;
  /** Of a blob that comes over connections that are limited. */
  readonly limitedBytes: number;
  /** Rounds that count. */
  readonly rounds: number;
  /** Rounds that are played before them and thrown away. */
  readonly discardedRounds: number;
  /** Rounds of what takes longer: where each contestant is started anew, or sluice has much to do before. None is thrown away. */
  readonly coldRounds: number;
  readonly wrkSeconds: number;
  /** How many blobs are waited for in a round, and pulled before them. */
  readonly firstBytes: {
    readonly small: number;
    readonly large: number;
    readonly rehearsed: number;
  };
  /** Of each of the layers that a client copies. */
  readonly layerBytes: number;
  /** For how long slow clients pull. */
  readonly slowSeconds: number;
  /** What the large catalog knows. */
  readonly catalogBlobs: number;
  /** Of how many blobs, and how many clients, it is seen how things grow. */
  readonly growth: { readonly blobs: readonly number[]; readonly clients: readonly number[] };
  /** How many minutes lie between two of a month that have traffic. */
  readonly minutesApart: number;
}
