import type { z } from "zod";
import { ImageGlob } from "../../oci/image-glob.ts";
import type { EvictionConfig } from "../config.ts";
import { list, patternHint, table, text } from "./keys.ts";
import { durationKey } from "./value-keys.ts";

/** What a watermark is when the file has none: what checks across keys compare with. */
export const defaultWatermarks = { highWatermark: "95%", lowWatermark: "85%" } as const;

/** `eviction`. That the watermarks are in order is in `cross-checks.ts`. */
export function evictionTable(): z.ZodType<EvictionConfig> {
  return table(
    {
      interval: durationKey({
        description:
          "How often is looked whether something must go. Room that a pull needs is made at once.",
        example: "1m",
      })
        .refine((durationMs) => durationMs >= 1_000 && durationMs <= 86_400_000, {
          error: "must be at least 1s and at most 1d; write for example 30s",
        })
        .prefault("30s"),
      highWatermark: watermarkKey(
        "Above this share of storage.maxSize images are evicted.",
      ).prefault(defaultWatermarks.highWatermark),
      lowWatermark: watermarkKey("Evicting ends at this share of storage.maxSize.").prefault(
        defaultWatermarks.lowWatermark,
      ),
      maxIdle: durationKey({
        description:
          "Images that nobody pulled for so long go although there is room. Without it they stay.",
        example: "30d",
      })
        .optional()
        .transform((durationMs) => durationMs ?? null),
      pins: pinsKey().prefault([]),
    },
    {
      description: "What is thrown away when the storage is full, and when.",
      example: { maxIdle: "30d", pins: ["docker.io/library/*"] },
    },
  ).transform(({ interval, maxIdle, ...rest }) => ({
    ...rest,
    intervalMs: interval,
    maxIdleMs: maxIdle,
  }));
}

/** A share between 0 and 1, from `95%`. */
export function parseWatermark(written: string): number | null {
  const [, digits] = /^(\d{1,3}(?:\.\d+)?) ?%$/.exec(written) ?? [];
  const share = Number(digits) / 100;
  return share > 0 && share <= 1 ? share : null;
}

function watermarkKey(description: string): z.ZodType<number> {
  const hints = patternHint(/^\d{1,3}(\.\d+)? ?%$/);
  return text({ kind: "a share of maxSize", description, example: "90%", hints }, parseWatermark);
}

function pinsKey(): z.ZodType<readonly string[]> {
  const example = "docker.io/library/*";
  const item = text(
    {
      kind: "a pattern of images",
      description: "HOST/REPOSITORY, with :TAG or without; * stands for anything.",
      example,
    },
    (written) => (ImageGlob.parse(written) ? written : null),
  );
  return list(item, {
    kind: "a list of patterns",
    description: "Images that are never evicted.",
    example: [example],
  });
}
