/**
 * How long a `Retry-After` header (RFC 9110, section 10.2.3: seconds or a date) asks to wait from now on, in ms, at most
 * `limitMs`; 0 if it asks for nothing, or is nonsense.
 */
export function retryAfterMs(header: string | null, nowMs: number, limitMs: number): number {
  if (header === null) return 0;
  const waitMs = /^\d{1,10}$/.test(header) ? Number(header) * 1000 : Date.parse(header) - nowMs;
  return Number.isNaN(waitMs) ? 0 : Math.min(Math.max(waitMs, 0), limitMs);
}
