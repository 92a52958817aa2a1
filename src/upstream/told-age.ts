import type { Answer } from "./exchange/exchange.ts";

// RFC 9111, section 1.2.2: whole seconds.
const seconds = /^\d{1,10}$/;

// Longer than a mirror before us is likely to go without its registry. A cache that says more is wrong, or makes no use of its
// own, and what it has just told us must stay of use in an outage.
const longestMs = 7 * 24 * 3_600_000;

/**
 * How long ago the caches between us and the registry have checked what they answer, in ms: the `Age` header (RFC 9111,
 * section 5.1). 0 where they do not say, and for what storage sends: the age of its content is not that of what names it.
 */
export function toldAgeMs({ headers, redirected }: Pick<Answer, "headers" | "redirected">): number {
  const { age } = headers;
  if (redirected || typeof age !== "string" || !seconds.test(age)) return 0;
  return Math.min(Number(age) * 1000, longestMs);
}
