import { ago } from "../config/ago.ts";
import { formatDuration } from "../config/units.ts";
import { printable } from "../telemetry/printable.ts";

/** A share of 1 for people: `87.3%`. */
export function percent(share: number | null): string {
  return share === null ? "–" : `${(100 * share).toFixed(1)}%`;
}

const counts = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });

/** `12,345`. */
export function count(number: number): string {
  return counts.format(number);
}

/** How many of something: `1 image`, `3 images`. */
export function plural(number: number, word: string): string {
  return `${count(number)} ${word}${number === 1 ? "" : "s"}`;
}

/** A number a second, with as many digits as can be read while it changes. */
export function rate(perSecond: number): string {
  return perSecond < 10 ? perSecond.toFixed(1) : count(perSecond);
}

/** A duration by its most significant unit: nobody plans by the second. */
export function longest(durationMs: number): string {
  const [unit = ""] = formatDuration(durationMs).split(" ");
  return unit;
}

const times = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** A moment in the reader's time zone. */
export function moment(atMs: number): string {
  return times.format(atMs);
}

// No name that anybody gave is longer; what is may be an attack, or a mistake.
const shownChars = 300;

/** Text from anywhere, fit for a page: it turns nothing around, and has an end. */
export function shown(text: string): string {
  const cut = text.length > shownChars ? `${text.slice(0, shownChars)}…` : text;
  return printable(cut);
}

// Twelve digits tell digests apart, and fit beside a name.
const longDigest = /(sha\d+:[0-9a-f]{12})[0-9a-f]+$/;

/** A digest, or a name that ends with one, without what nobody compares by eye. */
export function shortDigest(text: string): string {
  return shown(text).replace(longDigest, "$1…");
}

/** How long ago an ISO 8601 time was: `34d ago`; `never` for null. */
export function agoWords(at: string | null, nowMs: number): string {
  return at === null ? "never" : ago(Date.parse(at), nowMs);
}

/** How long a request took, with two digits: what is measured is not known better. */
export function latency(durationMs: number | null): string {
  if (durationMs === null) return "–";
  if (durationMs < 1_000) return `${Number(durationMs.toPrecision(2))} ms`;
  return `${Number((durationMs / 1_000).toPrecision(2))} s`;
}
