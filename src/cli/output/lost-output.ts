import { codeOf } from "../../storage/storage-error.ts";

// What a shell tells of a program that SIGPIPE has ended.
const brokenPipe = 141;

/** Ends the process when what a command prints cannot be written: without a word where nobody reads on (`| head`). */
export function endOnLostOutput(): void {
  process.stdout.on("error", (error) => {
    if (codeOf(error) === "EPIPE") process.exit(brokenPipe);
    process.stderr.write(`sluice: cannot write to standard output: ${error.message}\n`);
    process.exit(1);
  });
}
