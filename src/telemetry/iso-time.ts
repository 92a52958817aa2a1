// ECMA-262, "Time Values and Time Range": beyond it there is no text.
const latestMs = 8.64e15;

/** A time in ms since the epoch, as answers and the log tell it. */
export function isoTime(atMs: number): string {
  return new Date(Math.min(atMs, latestMs)).toISOString();
}
