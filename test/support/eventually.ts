import { setTimeout as after } from "node:timers/promises";

const defaultLimitMs = 30_000;
const pauseMs = 20;

/**
 * Asks `look` until it gives something other than null or false, and returns that. Rejects, naming `what`,
 * when that has not happened within `limitMs`: generous, for it is only spent when the test fails. A function names it by what was seen last.
 */
export async function eventually<T>(
  what: string | (() => string),
  look: () => Promise<T | null | false> | T | null | false,
  limitMs: number = defaultLimitMs,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== null && found !== false) return found;
    if (performance.now() > deadline) {
      throw new Error(`not within ${limitMs} ms: ${typeof what === "string" ? what : what()}`);
    }
    await after(pauseMs);
  }
}
