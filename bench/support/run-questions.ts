import type { Contestant } from "./contestant.ts";
import { contestantsOf } from "./contestants.ts";
import { type ReportedCurve, reportCurve } from "./curve-report.ts";
import type { Lab } from "./lab.ts";
import { type Origin, startOrigin } from "./origin.ts";
import type { Bench, Question, Size } from "./question.ts";
import { type ReportedRow, report } from "./report.ts";
import { Scoreboard } from "./scoreboard.ts";

export interface Answer {
  readonly name: string;
  readonly rows: readonly ReportedRow[];
  readonly curves: readonly ReportedCurve[];
  /** What went wrong. */
  readonly notes: readonly string[];
}

/** Starts the origin, and puts the questions one after the other to all that are installed. */
export async function runQuestions(
  lab: Lab,
  questions: readonly Question[],
  size: Size,
): Promise<readonly Answer[]> {
  const origin = await startOrigin(lab);
  const answers: Answer[] = [];
  for (const question of questions) {
    const startMs = performance.now();
    console.error(`${question.name} …`);
    answers.push(await runQuestion(lab, origin, { question, size }));
    console.error(`  took ${Math.round((performance.now() - startMs) / 1_000)} s`);
  }
  return answers;
}

async function runQuestion(
  lab: Lab,
  origin: Origin,
  { question, size }: { readonly question: Question; readonly size: Size },
): Promise<Answer> {
  const board = new Scoreboard();
  const all = contestantsOf(lab);
  const contestants = await installedOf(all, board);
  const bench: Bench = { lab, origin, board, size, contestants };
  await question.play(bench);
  // A peer that is missing keeps its lines; others, such as what only one question knows, follow.
  const names = [...new Set([...all.map((contestant) => contestant.name), ...board.contestants])];
  const rows = question.rows.map((row) => report(row, names, board));
  const curves = (question.curves ?? []).map((curve) => reportCurve(curve, board));
  return { name: question.name, rows, curves, notes: board.notes };
}

async function installedOf(
  contestants: readonly Contestant[],
  board: Scoreboard,
): Promise<readonly Contestant[]> {
  const installed: Contestant[] = [];
  for (const contestant of contestants) {
    if ((await contestant.version()) !== null) installed.push(contestant);
    else board.note(`${contestant.name} is not installed here`);
  }
  return installed;
}
