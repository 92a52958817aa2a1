import { stderr } from "node:process";
import { play } from "./play.ts";

// The shell's convention for what a signal ended: 128 and the signal's number.
const interruptedCodes = { SIGINT: 130, SIGTERM: 143 } as const;

process.exitCode = await main();

/** Plays the demo; resolves to the exit code when everything it started has ended, whatever happened. */
async function main(): Promise<number> {
  const interrupt = new AbortController();
  let code = 1;
  // Only the first: a second Ctrl-C ends the demo at once, as anywhere.
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => {
      code = interruptedCodes[signal];
      interrupt.abort(new Error(`${signal}: the demo ends early`));
    });
  }
  try {
    await play(interrupt.signal);
    return 0;
  } catch (error) {
    // What failed only because the demo is ending says nothing.
    const reason = interrupt.signal.aborted ? interrupt.signal.reason : error;
    stderr.write(`demo: ${reason instanceof Error ? reason.message : String(reason)}\n`);
    return code;
  }
}
