import type { UpstreamTimeouts } from "../../src/config/config.ts";

/** Time-outs that no right answer misses, on the slowest machine. A test makes short only those that it waits out. */
export const patient: UpstreamTimeouts = {
  connectMs: 60_000,
  headersMs: 60_000,
  answerMs: 60_000,
  bodyIdleMs: 60_000,
};
