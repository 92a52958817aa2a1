import { createRoute, z } from "@hono/zod-openapi";
import type { StoredOfUpstream } from "../../storage/images/stored-by-upstream.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, jsonOf } from "../answers.ts";
import { type DiskStats, diskSchema, diskStatsOf } from "../disk-stats.ts";

/** What fills the disk. */
export interface StorageAnswer {
  readonly disk: DiskStats;
  /** Those with most first. Content that several of them have counts for each. */
  readonly upstreams: readonly StoredOfUpstream[];
}

/** `GET /api/v1/storage`. */
export function addStorage(api: AdminApi, { catalog, budget, mirror }: AdminTools): void {
  api.openapi(storageRoute, async (context) => {
    const upstreams = await catalog.ask({ kind: "upstreams" });
    const disk = diskStatsOf(await budget.usage(), mirror.evictor.settings);
    return context.json({ disk, upstreams }, 200);
  });
}

const storageSchema: z.ZodType<StorageAnswer> = z
  .object({
    disk: diskSchema,
    upstreams: z
      .array(
        z.object({
          upstream: z.string().nullable().openapi({
            description: "null: content that no repository is known to have.",
          }),
          blobs: count,
          bytes: count.openapi({ description: "On the disk." }),
        }),
      )
      .readonly()
      .openapi({
        description: "Those with most first. Content that several have counts for each.",
      }),
  })
  .openapi("Storage");

const storageRoute = createRoute({
  method: "get",
  path: "/api/v1/storage",
  summary: "What fills the disk: of its bound, and by upstream.",
  responses: { 200: jsonOf("In bytes on the disk.", storageSchema) },
});
