import { z } from "@hono/zod-openapi";
import type { Victim } from "../storage/eviction/eviction.ts";
import { isoTime } from "../telemetry/iso-time.ts";
import { count, digestSchema, time } from "./answers.ts";

/** A victim as answers tell of it. */
export interface ToldVictim extends Omit<Victim, "lastAtMs" | "latestAtMs"> {
  /** null if it never was pulled. */
  readonly lastPullAt: string | null;
  /** Of anything that goes with it. */
  readonly latestPullAt: string;
}

export function toldVictim(victim: Victim): ToldVictim {
  const { root, kind, reason, names, lastAtMs, latestAtMs, ...figures } = victim;
  const lastPullAt = figures.pulls > 0 ? isoTime(lastAtMs) : null;
  const latestPullAt = isoTime(latestAtMs);
  return { root, kind, reason, names, lastPullAt, latestPullAt, ...figures };
}

const bytes = count.openapi({ description: "In bytes on the disk." });

export const victimSchema: z.ZodType<ToldVictim> = z
  .object({
    root: digestSchema.openapi({
      description: "The digest of the image, or of a blob that no image needs.",
    }),
    kind: z.enum(["image", "blob"]),
    reason: z.enum(["idle", "size", "purge"]),
    names: z.array(z.string()).readonly(),
    lastPullAt: time.nullable().openapi({ description: "null if it never was." }),
    latestPullAt: time.openapi({
      description: "When anything that goes with it was last pulled, or came.",
    }),
    pulls: count,
    priority: z.number().openapi({ description: "What is worth least goes first." }),
    freed: z.array(z.object({ digest: digestSchema, sizeBytes: count })).readonly(),
    freedBytes: bytes,
    kept: z
      .object({ objects: count, bytes, sharedWith: count })
      .openapi({ description: "What it shares with so many images that stay." }),
  })
  .openapi("Victim");
