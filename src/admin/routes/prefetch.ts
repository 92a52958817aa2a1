import { createRoute, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { Prefetch, type PrefetchProgress } from "../../mirror/prefetch/prefetch.ts";
import { type PrefetchPlan, planPrefetch } from "../../mirror/prefetch/prefetch-plan.ts";
import type { PrefetchedName, PrefetchedResult } from "../../mirror/prefetch/prefetched-image.ts";
import type { WantedPlatforms } from "../../mirror/prefetch/wanted-platforms.ts";
import { imageName } from "../../oci/image-name.ts";
import { isPlatform, linuxOn } from "../../oci/platform.ts";
import { nobody } from "../../upstream/accounts/forwarded-login.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf, orderOf } from "../answers.ts";
import { readImage } from "../asked-image.ts";
import {
  type FailedLine,
  failedSchema,
  jsonLines,
  jsonLinesOf,
  type ToldWork,
} from "../json-lines.ts";

// Of such names, as many as fit into the body of a request.
const prefetchLimit = 500;

/** What is asked of `POST /api/v1/prefetch`. */
export interface PrefetchOrder {
  readonly images: readonly string[];
  /** `linux/amd64`, `linux/arm/v7`, or `all` alone; empty: the machine's own. */
  readonly platforms: readonly string[];
  /** Whether only is told what would be fetched. */
  readonly dryRun: boolean;
}

/** A line of the answer: images as they are over, progress between them, and `done` at the end. */
export type PrefetchLine =
  | ({ readonly kind: "progress" } & PrefetchProgress)
  | ({ readonly kind: "image" } & PrefetchedResult)
  | ({ readonly kind: "plan" } & PrefetchPlan)
  | ({ readonly kind: "done" } & PrefetchSummary)
  | FailedLine;

export interface PrefetchSummary {
  readonly images: number;
  readonly failed: number;
  readonly fetchedBytes: number;
}

/** `POST /api/v1/prefetch`. */
export function addPrefetch(api: AdminApi, tools: AdminTools): void {
  const { mirror, log } = tools;
  api.openapi(prefetchRoute, (context) => {
    const order = context.req.valid("json");
    const names = order.images.map((written) => readName(tools, written));
    const platforms = readPlatforms(order.platforms);
    const prefetch = new Prefetch(mirror, names, platforms);
    return jsonLines<PrefetchLine>(
      context,
      (told) =>
        order.dryRun
          ? tellPlans(told, { names, platforms, images: mirror.images })
          : fetchAll(told, prefetch),
      { log, progress: async () => ({ kind: "progress", ...prefetch.progress }) },
    );
  });
}

async function fetchAll(
  { tell, signal }: ToldWork<PrefetchLine>,
  prefetch: Prefetch,
): Promise<void> {
  let failed = 0;
  await prefetch.run(signal, async (result) => {
    if (result.error !== null) failed += 1;
    await tell({ kind: "image", ...result });
  });
  const { images, fetchedBytes } = prefetch.progress;
  await tell({ kind: "done", images, failed, fetchedBytes });
}

interface Planned {
  readonly names: readonly PrefetchedName[];
  readonly platforms: WantedPlatforms;
  readonly images: AdminTools["mirror"]["images"];
}

async function tellPlans(
  { tell, signal }: ToldWork<PrefetchLine>,
  { names, platforms, images }: Planned,
): Promise<void> {
  let failed = 0;
  for (const name of names) {
    signal.throwIfAborted();
    const plan = planPrefetch(name, await images.treeOf(name.target, name.reference), platforms);
    if (plan.error !== null) failed += 1;
    await tell({ kind: "plan", ...plan });
  }
  await tell({ kind: "done", images: names.length, failed, fetchedBytes: 0 });
}

function readName(tools: AdminTools, written: string): PrefetchedName {
  const { upstream, repository, reference } = readImage(tools, written);
  const name = imageName({ upstream: upstream.name, repository }, reference);
  // Nobody has asked this mirror through another one.
  return {
    name,
    target: { upstream, repository, via: "", login: upstream.forwards ? nobody : null },
    reference,
  };
}

/** Throws HTTPException 400 for what is no platform. */
function readPlatforms(platforms: readonly string[]): WantedPlatforms {
  if (platforms.length === 0) return [linuxOn(process.arch)];
  if (platforms.length === 1 && platforms[0] === "all") return "all";
  const other = platforms.find((platform) => !isPlatform(platform));
  if (other === undefined) return platforms;
  const message = `${JSON.stringify(other.slice(0, 100))} is no platform; write for example linux/arm64, or all alone`;
  throw new HTTPException(400, { message });
}

const orderSchema: z.ZodType<PrefetchOrder> = z
  .strictObject({
    images: z.array(z.string()).min(1).max(prefetchLimit).readonly().openapi({
      description: "As clients name them to the mirror: alpine, ghcr.io/owner/image:tag.",
    }),
    platforms: z.array(z.string()).max(50).readonly().default([]).openapi({
      description:
        "What is taken of an index: linux/amd64, linux/arm/v7, or all alone. Without any: Linux on the architecture of the mirror's machine.",
    }),
    dryRun: z.boolean().default(false).openapi({
      description: "Whether only is told what would be fetched. Upstream is not asked.",
    }),
  })
  .openapi("PrefetchOrder");

const lineSchema: z.ZodType<PrefetchLine> = z
  .discriminatedUnion("kind", [
    z
      .object({
        kind: z.literal("progress"),
        doneImages: count,
        images: count,
        doneBytes: count,
        totalBytes: count.openapi({ description: "Of what is known of until now." }),
        fetchedBytes: count,
        inFlight: z
          .array(
            z.object({
              image: z.string(),
              digest: z.string(),
              doneBytes: count,
              totalBytes: count.nullable(),
            }),
          )
          .readonly(),
      })
      .openapi("PrefetchProgress"),
    z
      .object({
        kind: z.literal("image"),
        image: z.string(),
        digest: z.string().nullable(),
        fetchedBlobs: count,
        fetchedBytes: count,
        presentBlobs: count.openapi({ description: "What was here already." }),
        presentBytes: count,
        error: z.string().nullable().openapi({ description: "Why it is not whole." }),
      })
      .openapi("PrefetchedImage"),
    z
      .object({
        kind: z.literal("plan"),
        image: z.string(),
        digest: z.string().nullable().openapi({
          description: "Of what is here; null if nothing is known of it.",
        }),
        missingBlobs: count,
        missingBytes: count,
        presentBlobs: count,
        presentBytes: count,
        unknownManifests: count.openapi({
          description: "Of the missing ones, manifests: what they name comes on top.",
        }),
        error: z.string().nullable().openapi({ description: "Why it would not be whole." }),
      })
      .openapi("PrefetchPlan"),
    z
      .object({ kind: z.literal("done"), images: count, failed: count, fetchedBytes: count })
      .openapi("PrefetchSummary"),
    failedSchema,
  ])
  .openapi("PrefetchLine");

const prefetchRoute = createRoute({
  method: "post",
  path: "/api/v1/prefetch",
  summary: "Pulls images, so that they are here when a client asks.",
  request: { body: orderOf(orderSchema) },
  responses: {
    200: jsonLinesOf("Lines of JSON, until a line `done`. Leaving ends it.", lineSchema),
    400: jsonOf("One of them names no image, or no platform.", errorSchema),
  },
});
