import type { AnswerHeaders } from "../exchange/answer-body.ts";

/** What a registry says of how many pulls it lets somebody have. */
export interface PullLimit {
  /** In one window. */
  readonly limit: number;
  readonly remaining: number;
  readonly windowMs: number;
  /** Whose pulls are counted, as Docker Hub says it: an address or the id of an account; null if it is not said. */
  readonly source: string | null;
}

// Docker Hub says its window, six hours. Who says none is believed for an hour.
const defaultWindowSeconds = 3_600;

const quantity = /^(\d{1,9})(?:,[^;]*)?(?:;\s*w=(\d{1,7}))?(?=$|[,;])/;

/**
 * The limit that an answer tells of (`ratelimit-limit: 100;w=21600`, `ratelimit-remaining: 20;w=21600`); null if it tells of
 * none, which at Docker Hub means that what was asked for is not limited.
 */
export function pullLimitIn(headers: AnswerHeaders): PullLimit | null {
  const [, limit, limitWindow] = quantity.exec(headers["ratelimit-limit"] ?? "") ?? [];
  const [, remaining, window] = quantity.exec(headers["ratelimit-remaining"] ?? "") ?? [];
  if (limit === undefined || remaining === undefined || Number(limit) === 0) return null;
  const reset = /^\d{1,7}$/.exec(headers["ratelimit-reset"] ?? "")?.[0];
  const windowSeconds = Number(window ?? limitWindow ?? reset ?? defaultWindowSeconds);
  return {
    limit: Number(limit),
    remaining: Math.min(Number(remaining), Number(limit)),
    windowMs: windowSeconds * 1000,
    source: /^[\w.:/-]{1,64}$/.exec(headers["docker-ratelimit-source"] ?? "")?.[0] ?? null,
  };
}

/** Below so many the rest is kept for what cannot be had otherwise: a tenth, or ten where that is less than half. */
export function lowMark(limit: number): number {
  return Math.max(limit / 10, Math.min(10, limit / 2));
}
