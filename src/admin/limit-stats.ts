import { z } from "@hono/zod-openapi";
import type { KnownLimits } from "../upstream/accounts/account-limits.ts";
import { count } from "./answers.ts";

/** What a registry has said of the limit of one account at one of its endpoints. */
export interface LimitStats {
  readonly upstream: string;
  /** Its host, with the port where it has one. */
  readonly endpoint: string;
  /** The place of the credentials in the configuration, from 1 on, or `anonymous`. */
  readonly account: string;
  /** Pulls are kept for what cannot be had otherwise while it is `low`. */
  readonly state: KnownLimits["state"];
  /** Pulls in a window, and how many of them are left; null where it has not said so lately. */
  readonly limit: number | null;
  readonly remaining: number | null;
  readonly windowSeconds: number | null;
  /** Whose pulls the registry counts: an address, or the id of an account. */
  readonly source: string | null;
  /** If pulls go on as in the window so far; null where that does not use up what there is. */
  readonly emptyInSeconds: number | null;
  /** For so long it has asked to be left alone. */
  readonly waitSeconds: number;
}

export const limitStatsSchema: z.ZodType<LimitStats> = z.object({
  upstream: z.string(),
  endpoint: z.string(),
  account: z.string(),
  state: z.enum(["unlimited", "fine", "low", "empty"]),
  limit: count.nullable(),
  remaining: count.nullable(),
  windowSeconds: count.nullable(),
  source: z.string().nullable(),
  emptyInSeconds: count.nullable(),
  waitSeconds: count,
});

/** The limits that there is something to say of. */
export function limitStatsOf(known: readonly KnownLimits[]): readonly LimitStats[] {
  return known.filter(({ told, waitMs }) => told !== null || waitMs > 0).map(statsOf);
}

function statsOf({ told, emptyInMs, waitMs, ...of }: KnownLimits): LimitStats {
  return {
    ...of,
    limit: told?.limit ?? null,
    remaining: told?.remaining ?? null,
    windowSeconds: told && Math.round(told.windowMs / 1000),
    source: told?.source ?? null,
    emptyInSeconds: emptyInMs === null ? null : Math.round(emptyInMs / 1000),
    waitSeconds: Math.ceil(waitMs / 1000),
  };
}
