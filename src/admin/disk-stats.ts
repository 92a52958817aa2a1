import { z } from "@hono/zod-openapi";
import type { EvictionSettings } from "../mirror/eviction/evictor.ts";
import type { DiskUsage } from "../storage/disk-budget.ts";
import { count } from "./answers.ts";

/** What is taken of the bound, and by what; in bytes on the disk. */
export interface DiskStats {
  /** All of it: content, what is arriving or leaving, the overhead. */
  readonly usedBytes: number;
  readonly limitBytes: number;
  /** Of what is used, what is held for content that is still arriving. */
  readonly arrivingBytes: number;
  /** Of what is used, the catalog, directories, and removed files that are still read. */
  readonly overheadBytes: number;
  /** How much more than `storage.minFree` is free on the file system; below 0 if less is. */
  readonly spareBytes: number;
  /** Where evicting begins, and where it ends. */
  readonly highWatermarkBytes: number;
  readonly lowWatermarkBytes: number;
}

export function diskStatsOf(
  { usedBytes, limitBytes, reservedBytes, overheadBytes, spareBytes }: DiskUsage,
  { highWatermark, lowWatermark }: EvictionSettings,
): DiskStats {
  return {
    usedBytes,
    limitBytes,
    arrivingBytes: reservedBytes,
    overheadBytes,
    spareBytes,
    highWatermarkBytes: Math.floor(limitBytes * highWatermark),
    lowWatermarkBytes: Math.floor(limitBytes * lowWatermark),
  };
}

export const diskSchema: z.ZodType<DiskStats> = z
  .object({
    usedBytes: count,
    limitBytes: count,
    arrivingBytes: count.openapi({ description: "Of what is used, held for what arrives." }),
    overheadBytes: count.openapi({ description: "Of what is used, what is no content." }),
    spareBytes: z.number().openapi({
      description: "Free on the file system beyond storage.minFree; below 0 if less is.",
    }),
    highWatermarkBytes: count,
    lowWatermarkBytes: count,
  })
  .openapi("Disk", { description: "In bytes on the disk." });
