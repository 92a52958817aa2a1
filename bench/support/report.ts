import type { Row, Target } from "./question.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { pairedRatio, type Summary, summarize } from "./statistics.ts";

/** A row with all that is printed and stored of it. */
export interface ReportedRow {
  readonly label: string;
  readonly unit: string;
  readonly decimals: number;
  readonly contestants: readonly string[];
  /** By contestant; those that were not there are missing. */
  readonly results: Readonly<Record<string, Summary>>;
  /** What sluice does for each thing a peer does, by peer: the median over the rounds. */
  readonly ratios: Readonly<Record<string, number>>;
  readonly verdicts: readonly Verdict[];
}

export interface Verdict extends Target {
  /** The ratio to a peer, or sluice's own value; null when one of the two was not there. */
  readonly reached: number | null;
  readonly met: boolean | null;
}

export function report(row: Row, contestants: readonly string[], board: Scoreboard): ReportedRow {
  const results: Record<string, Summary> = {};
  const ratios: Record<string, number> = {};
  const ours = board.samples("sluice", row.label);
  for (const name of contestants) {
    const theirs = board.samples(name, row.label);
    const summary = summarize(theirs);
    const ratio = pairedRatio(ours, theirs);
    if (summary !== null) results[name] = summary;
    if (ratio !== null && name !== "sluice") ratios[name] = ratio;
  }
  const { label, unit, decimals } = row;
  const verdicts = row.targets.map((target) => judge(target, results, ratios));
  return { label, unit, decimals, contestants, results, ratios, verdicts };
}

function judge(
  target: Target,
  results: ReportedRow["results"],
  ratios: ReportedRow["ratios"],
): Verdict {
  const reached = (target.of === "sluice" ? results["sluice"]?.median : ratios[target.of]) ?? null;
  return { ...target, reached, met: reached === null ? null : meets(reached, target) };
}

function meets(reached: number, { kind, value }: Target): boolean {
  switch (kind) {
    case "at least":
      return reached >= value;
    case "at most":
      return reached <= value;
  }
}
