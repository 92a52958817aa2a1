import { z } from "@hono/zod-openapi";

/** What counts towards it. */
export interface Counted {
  readonly requests: number;
  readonly hits: number;
  readonly stale: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
}

/** What the mirror saved its upstreams, and its clients a wait. */
export interface Savings {
  /** The share of requests that were answered from what is stored; null where there were none. */
  readonly hitRate: number | null;
  /** The share of the bytes sent that did not come from upstream meanwhile; null where none were sent. */
  readonly byteHitRate: number | null;
  /** Bytes sent beyond those received; 0 where a prefetch, or a client that left, made it less. */
  readonly savedBytes: number;
}

const rate: z.ZodNullable<z.ZodNumber> = z.number().min(0).max(1).nullable();

export const savingsFields: {
  hitRate: typeof rate;
  byteHitRate: typeof rate;
  savedBytes: z.ZodNumber;
} = {
  hitRate: rate.openapi({ description: "Of requests, those answered from what is stored." }),
  byteHitRate: rate.openapi({ description: "Of bytes sent, those not received meanwhile." }),
  savedBytes: z.number().int().nonnegative(),
};

export function savingsOf({ requests, hits, stale, sentBytes, receivedBytes }: Counted): Savings {
  const savedBytes = Math.max(0, sentBytes - receivedBytes);
  return {
    hitRate: requests === 0 ? null : (hits + stale) / requests,
    byteHitRate: sentBytes === 0 ? null : savedBytes / sentBytes,
    savedBytes,
  };
}

/** Of all of them together. */
export function totalOf(counted: readonly Counted[]): Savings {
  const sum = (key: keyof Counted): number => counted.reduce((all, one) => all + one[key], 0);
  return savingsOf({
    requests: sum("requests"),
    hits: sum("hits"),
    stale: sum("stale"),
    sentBytes: sum("sentBytes"),
    receivedBytes: sum("receivedBytes"),
  });
}
