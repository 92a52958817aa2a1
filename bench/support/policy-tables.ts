import { renderTable } from "../../src/cli/output/table.ts";
import type { ReplayedCache } from "../../src/mirror/simulation/replay.ts";
import { type HitRates, measures } from "./hit-rates.ts";
import { median } from "./statistics.ts";

/** What a policy reached on a trace with a cache of a size. */
export interface Score {
  readonly trace: string;
  readonly policy: ReplayedCache["policy"];
  /** The cache's size as a share of all the bytes that the trace asks for. */
  readonly share: number;
  /** One for each seed. */
  readonly rates: readonly HitRates[];
}

/** A line for each trace and size, with three rates for each policy: bytes, blobs, images. */
export function policyTable(scores: readonly Score[]): string {
  const policies = namesOf(scores);
  const lines = scores.filter(({ policy }) => policy === policies[0]);
  const rows = lines.map(({ trace, share }) => [
    trace,
    `${100 * share} %`,
    ...policies.map((policy) => {
      const score = scores.find((one) => isFor(one, { trace, share, policy }));
      return score ? measures.map((measure) => percent(middle(score, measure))).join("  ") : "";
    }),
  ]);
  const columns = ["trace", "cache", ...policies].map((title, at) => ({
    title,
    align: at === 0 ? ("left" as const) : ("right" as const),
  }));
  return renderTable(columns, rows);
}

/** The mean of each policy over all traces and sizes, and how far it is ahead of lru: also where, and by which seed, least and most. */
export function standings(scores: readonly Score[]): string {
  const rows = namesOf(scores).flatMap((policy) =>
    measures.map((measure) => {
      const own = scores.filter((one) => one.policy === policy);
      const ahead = own.flatMap((score) => aheadOfLru(scores, score, measure));
      const means = [mean(own.map((score) => middle(score, measure))), mean(ahead)];
      return [policy, measure, ...[...means, Math.min(...ahead), Math.max(...ahead)].map(percent)];
    }),
  );
  const titles = ["policy", "of", "mean", "ahead of lru", "at worst", "at best"];
  const columns = titles.map((title, at) => ({
    title,
    align: at < 2 ? ("left" as const) : ("right" as const),
  }));
  return renderTable(columns, rows);
}

/** One figure for each seed: the two have replayed the same pulls. */
function aheadOfLru(
  scores: readonly Score[],
  score: Score,
  measure: keyof HitRates,
): readonly number[] {
  const lru = scores.find((one) => isFor(one, { ...score, policy: "lru" }));
  return score.rates.map(
    (rates, seed) => rates[measure] - (lru?.rates[seed]?.[measure] ?? Number.NaN),
  );
}

function namesOf(scores: readonly Score[]): readonly Score["policy"][] {
  return [...new Set(scores.map(({ policy }) => policy))];
}

function isFor(score: Score, { trace, share, policy }: Omit<Score, "rates">): boolean {
  return score.trace === trace && score.share === share && score.policy === policy;
}

function middle(score: Score, measure: keyof HitRates): number {
  return median(score.rates.map((rates) => rates[measure]));
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
