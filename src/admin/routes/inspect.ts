import { createRoute, z } from "@hono/zod-openapi";
import type { ImageNode } from "../../mirror/images/image-tree.ts";
import { type ImageReport, nodesOf } from "../../mirror/images/images.ts";
import type { TagState } from "../../mirror/tags/tag-decision.ts";
import type { TagVariant } from "../../storage/catalog.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { ImageTarget } from "../../upstream/upstreams.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf, time } from "../answers.ts";
import { askedImage, fullName, readImage } from "../asked-image.ts";
import { unknownImage } from "../unknown-image.ts";

/** Something that an image is made of. */
export interface InspectedContent {
  /** How far below the image's own manifest it is named; what follows with a greater one is named by it. */
  readonly depth: number;
  readonly kind: ImageNode["kind"];
  readonly digest: string;
  readonly mediaType: string;
  readonly sizeBytes: number;
  readonly platform: string | null;
  readonly state: ImageNode["state"];
  /** When upstream last said that the repository holds it; null if never. */
  readonly provenAt: string | null;
  /** Whether that is enough for the next pull. */
  readonly proof: ImageNode["grant"]["age"];
}

export interface InspectAnswer {
  readonly name: string;
  readonly digest: string;
  readonly mediaType: string;
  /** Of what is here of it. */
  readonly sizeBytes: number;
  /** null where a digest was asked for. */
  readonly tag: {
    /** When upstream last said what it means. */
    readonly checkedAt: string;
    /** Whether a pull takes it as it is, asks behind the answer, or before it. */
    readonly freshness: "fresh" | "usable" | "stale";
    /** null: for ever. */
    readonly freshUntil: string | null;
    /** How long it stands in for an upstream that gives no answer; null: for ever. */
    readonly staleUntil: string | null;
    /** What clients get that take other types only. */
    readonly variants: readonly { readonly variant: string; readonly digest: string }[];
  } | null;
  readonly lastPullAt: string | null;
  readonly pulls: number;
  readonly pins: readonly string[];
  readonly content: readonly InspectedContent[];
  readonly sharedWith: ImageReport["sharers"];
  readonly referrers: readonly { readonly digest: string; readonly artifactType: string | null }[];
}

/** `GET /api/v1/inspect`. */
export function addInspect(api: AdminApi, tools: AdminTools): void {
  api.openapi(inspectRoute, async (context) => {
    const image = readImage(tools, context.req.valid("query").image);
    const report = await tools.mirror.images.inspect(image, image.reference);
    if (!report) throw await unknownImage(tools, image);
    return context.json(answerOf(image, report), 200);
  });
}

function answerOf(image: ImageTarget, report: ImageReport): InspectAnswer {
  const { tag, tree, lastAtMs, pulls, sharers, pins, referrers } = report;
  const here = new Map([...nodesOf(tree)].map((node) => [node.digest, node]));
  const sizes = [...here.values()].map(({ state, sizeBytes }) =>
    state === "here" ? sizeBytes : 0,
  );
  return {
    name: fullName(image),
    digest: tree.digest,
    mediaType: tree.mediaType,
    sizeBytes: sizes.reduce((sum, size) => sum + size, 0),
    tag: tag && tagOf(tag.state, tag.variants),
    lastPullAt: pulls > 0 ? isoTime(lastAtMs) : null,
    pulls,
    pins,
    content: [...contentOf(tree, 0)],
    sharedWith: sharers,
    referrers,
  };
}

function tagOf(
  { ruling, decision }: TagState,
  variants: readonly TagVariant[],
): InspectAnswer["tag"] {
  const [common] = variants;
  if (!common) return null;
  const { ttlMs, staleIfErrorMs } = ruling.policy;
  const freshness = decision.kind === "hit" ? decision.freshness : "stale";
  return {
    checkedAt: isoTime(common.checkedAtMs),
    freshness,
    freshUntil: Number.isFinite(ttlMs) ? isoTime(common.checkedAtMs + ttlMs) : null,
    staleUntil: Number.isFinite(staleIfErrorMs)
      ? isoTime(common.checkedAtMs + staleIfErrorMs)
      : null,
    variants: variants.slice(1).map(({ variant, digest }) => ({ variant, digest })),
  };
}

function* contentOf(node: ImageNode, depth: number): Generator<InspectedContent> {
  const { named, grant, ...rest } = node;
  const provenAt = grant.provenAtMs === null ? null : isoTime(grant.provenAtMs);
  yield { depth, ...rest, provenAt, proof: grant.age };
  for (const one of named) yield* contentOf(one, depth + 1);
}

const contentSchema = z.object({
  depth: count.openapi({ description: "What follows with a greater one is named by it." }),
  kind: z.enum(["index", "manifest", "config", "layer"]),
  digest: z.string(),
  mediaType: z.string(),
  sizeBytes: count,
  platform: z.string().nullable(),
  state: z.enum(["here", "arriving", "missing", "elsewhere"]),
  provenAt: time.nullable().openapi({
    description: "When upstream last said that the repository holds it; null if never.",
  }),
  proof: z.enum(["good", "aging", "expired", "never"]),
});

const inspectSchema: z.ZodType<InspectAnswer> = z
  .object({
    name: z.string(),
    digest: z.string(),
    mediaType: z.string(),
    sizeBytes: count,
    tag: z
      .object({
        checkedAt: time,
        freshness: z.enum(["fresh", "usable", "stale"]),
        freshUntil: time.nullable(),
        staleUntil: time.nullable(),
        variants: z.array(z.object({ variant: z.string(), digest: z.string() })).readonly(),
      })
      .nullable(),
    lastPullAt: time.nullable(),
    pulls: count,
    pins: z.array(z.string()).readonly(),
    content: z.array(contentSchema).readonly(),
    sharedWith: z.object({
      manifests: count,
      names: z.array(z.object({ name: z.string(), sharedBytes: count })).readonly(),
    }),
    referrers: z
      .array(z.object({ digest: z.string(), artifactType: z.string().nullable() }))
      .readonly(),
  })
  .openapi("Inspected");

const inspectRoute = createRoute({
  method: "get",
  path: "/api/v1/inspect",
  summary: "What an image is made of, what of it is here, and what is known of it.",
  request: { query: z.object({ image: askedImage }) },
  responses: {
    200: jsonOf("All that is known of it.", inspectSchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
    404: jsonOf("Nothing of it is here; what is near.", errorSchema),
  },
});
