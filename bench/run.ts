import { questions } from "./questions.ts";
import { parseCommandLine, usage, type Wish } from "./support/command-line.ts";
import { Lab } from "./support/lab.ts";
import { describeMachine, hardwareOf, type Machine, softwareOf } from "./support/machine.ts";
import { type Results, resultsFile, storeResults } from "./support/results-file.ts";
import { type Answer, runQuestions } from "./support/run-questions.ts";
import { curveTable, table } from "./support/table.ts";

// Every wait in a run has its own end; this one is for all of them together.
const longestRunMs = 90 * 60 * 1_000;

process.exitCode = await main(process.argv.slice(2));

/** The exit status: 0 measured, whatever the figures; 1 something failed; 2 wrong usage. */
async function main(args: readonly string[]): Promise<number> {
  const wish = parseCommandLine(args, questions);
  switch (wish.kind) {
    case "help":
      console.log(await usage(questions));
      return 0;
    case "wrong":
      console.error(`${wish.reason}\n\n${await usage(questions)}`);
      return 2;
    case "run":
      return run(wish);
  }
}

async function run(wish: Extract<Wish, { kind: "run" }>): Promise<number> {
  await using lab = await Lab.open();
  endEarly(lab);
  const machine = await describeMachine();
  const startedAt = new Date();
  try {
    const answers = await runQuestions(lab, wish.questions, wish.size);
    print(machine, answers);
    const file = wish.file ?? resultsFile(startedAt);
    const results: Results = {
      startedAt: startedAt.toISOString(),
      machine,
      size: wish.size,
      answers,
    };
    await storeResults(file, results);
    return answers.every(isComplete) ? 0 : 1;
  } catch (error) {
    // What failed only because the run is ending says nothing.
    console.error(lab.signal.aborted ? "ended early" : error);
    return 1;
  }
}

/** A missing peer is no failure; figures without sluice are. */
function isComplete({ rows, curves }: Answer): boolean {
  return (
    rows.every((row) => row.results["sluice"] !== undefined) &&
    curves.every((curve) => curve.exponent !== null)
  );
}

/** Ends servers and clients and removes the files also on Ctrl-C, `kill` and a run that hangs. */
function endEarly(lab: Lab): void {
  const end = (status: number): void => {
    const exit = (): never => process.exit(status);
    lab[Symbol.asyncDispose]().catch(console.error).finally(exit);
  };
  // The terminal and npm both send what Ctrl-C means: the second must not kill what cleans up for the first.
  process.on("SIGINT", () => end(130));
  process.on("SIGTERM", () => end(143));
  setTimeout(() => end(1), longestRunMs).unref();
}

function print(machine: Machine, answers: readonly Answer[]): void {
  console.log(`${hardwareOf(machine)}\n${softwareOf(machine)}\n`);
  const rows = answers.flatMap((answer) => answer.rows);
  const curves = answers.flatMap((answer) => answer.curves);
  if (rows.length > 0) console.log(table(rows));
  if (curves.length > 0) console.log(`\n${curveTable(curves)}`);
  const notes = answers.flatMap(({ name, notes }) => notes.map((note) => `! ${name}: ${note}`));
  for (const note of notes) console.log(note);
}
