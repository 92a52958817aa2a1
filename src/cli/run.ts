import { CommanderError } from "commander";
import { WrongUsage } from "./command-error.ts";
import { explainFailure } from "./explain-failure.ts";
import { endOnLostOutput } from "./output/lost-output.ts";
import { buildProgram } from "./program.ts";

// Promises to scripts, beside 0 for done.
const failed = 1;
const wrongUsage = 2;

/** Runs the command that the arguments name; resolves to the exit code, whatever happened. */
export async function runCommandLine(args: readonly string[]): Promise<number> {
  endOnLostOutput();
  try {
    await buildProgram().parseAsync(args, { from: "user" });
    return 0;
  } catch (error) {
    // Commander has written its own message, or the help or version that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : wrongUsage;
    process.stderr.write(`${explainFailure(error)}\n`);
    return error instanceof WrongUsage ? wrongUsage : failed;
  }
}
