import type { Contestant } from "./contestant.ts";
import { contestantsOf } from "./contestants.ts";
import { type ReportedCurve, reportCurve } from "./curve-report.ts";
import { Countdown } from "./durations.ts";
import type { Lab } from "./lab.ts";
import { LargeStores } from "./large-store.ts";
import { startOrigin } from "./origin.ts";
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
  const largeStores = new LargeStores(lab);
  const installed = await installedOf(contestantsOf(lab));
  const countdown = new Countdown(
    questions.map(({ name }) => name),
    size.name,
  );
  const answers: Answer[] = [];
  for (const question of questions) {
    const startMs = performance.now();
    console.error(`${question.name} … (${countdown.text})`);
    answers.push(await runQuestion(question, { lab, origin, size, largeStores, installed }));
    const tookSeconds = (performance.now() - startMs) / 1_000;
    countdown.note(tookSeconds);
    console.error(`  took ${Math.round(tookSeconds)} s`);
  }
  return answers;
}

interface SetUp extends Omit<Bench, "board" | "contestants" | "plays"> {
  /** By name. */
  readonly installed: ReadonlySet<string>;
}

async function runQuestion(question: Question, { installed, ...setUp }: SetUp): Promise<Answer> {
  const board = new Scoreboard();
  const plays = (name: string): boolean => isWanted(name, question, setUp.size);
  const all = contestantsOf(setUp.lab).filter(({ name }) => plays(name));
  const contestants = all.filter(({ name }) => installed.has(name));
  for (const { name } of all) if (!installed.has(name)) board.note(`${name} is not installed here`);
  const bench: Bench = { ...setUp, board, contestants, plays };
  await question.play(bench);
  // A peer that is missing keeps its lines; others, such as what only one question knows, follow.
  const names = [...new Set([...all.map((contestant) => contestant.name), ...board.contestants])];
  const rows = question.rows.map((row) => report(row, names, board));
  const curves = (question.curves ?? []).map((curve) => reportCurve(curve, board));
  return { name: question.name, rows, curves, notes: board.notes };
}

/** A peer that no target names says something only to whoever has the time. */
function isWanted(name: string, { rows }: Question, { peers }: Size): boolean {
  if (peers === "all" || name === "sluice") return true;
  return rows.some(({ targets }) => targets.some(({ of }) => of === name));
}

/** The names of those that are. */
async function installedOf(contestants: readonly Contestant[]): Promise<ReadonlySet<string>> {
  const versions = await Promise.all(contestants.map((contestant) => contestant.version()));
  return new Set(contestants.filter((_, at) => versions[at] !== null).map(({ name }) => name));
}
