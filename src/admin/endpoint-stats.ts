import { z } from "@hono/zod-openapi";
import type { EndpointStatus } from "../upstream/endpoints/endpoint-status.ts";
import { count } from "./answers.ts";

/** How an endpoint of an upstream is. */
export interface EndpointStats {
  readonly upstream: string;
  /** Its host, with the port where it has one. */
  readonly endpoint: string;
  /** `left alone` after failures, and `probed` while one request finds out whether it answers again. */
  readonly state: EndpointStatus["state"];
  /** From 0 to 1: how well it answers. */
  readonly health: number;
  /** Why it is not asked, as the end of a sentence; null if it is. */
  readonly reason: string | null;
  /** How long it has not been asked; 0 if it is, or never is. */
  readonly forSeconds: number;
  /** How long until it is probed; 0 if it is asked, probed now, or never asked. */
  readonly leftSeconds: number;
}

export const endpointStatsSchema: z.ZodType<EndpointStats> = z.object({
  upstream: z.string(),
  endpoint: z.string(),
  state: z.enum(["asked", "left alone", "probed", "offline"]),
  health: z.number().min(0).max(1),
  reason: z.string().nullable(),
  forSeconds: count,
  leftSeconds: count,
});

export function endpointStatsOf({ forMs, leftMs, ...of }: EndpointStatus): EndpointStats {
  return {
    ...of,
    health: Number(of.health.toFixed(2)),
    forSeconds: Math.round(forMs / 1000),
    leftSeconds: Math.ceil(leftMs / 1000),
  };
}
