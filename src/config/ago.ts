import { formatDuration } from "./units.ts";

/** How long ago something was, by its most significant unit: `34d ago`; `now` within a second. */
export function ago(atMs: number, nowMs: number): string {
  const [longest = ""] = formatDuration(nowMs - atMs).split(" ");
  return nowMs - atMs < 1_000 ? "now" : `${longest} ago`;
}
