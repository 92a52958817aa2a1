import type { Contestant } from "./contestant.ts";
import type { Origin } from "./origin.ts";

/** No mirror at all: what the origin gives to whoever asks it. The most a cold pull can be. */
export function direct(origin: Origin): Contestant {
  return {
    name: "direct",
    version: () => Promise.resolve("the origin itself"),
    start: (originUrl) =>
      Promise.resolve({
        url: originUrl,
        pid: origin.pid,
        // It belongs to the run.
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
  };
}
