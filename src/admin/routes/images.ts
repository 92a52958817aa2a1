import { createRoute, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import type { ImageSummary } from "../../mirror/images/images.ts";
import { ImageGlob } from "../../oci/image-glob.ts";
import { imageName } from "../../oci/image-name.ts";
import type { ImageCursor } from "../../storage/images/image-list.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf } from "../answers.ts";

/** The most that one page may have: each row of it is read from the disk. */
export const imagesLimit = 1_000;

const imageOrders = ["pulled", "size", "pulls", "name"] as const;

/** A stored image under one of its names. */
export interface ImageEntry {
  /** In full, `docker.io/library/alpine:3.20`. */
  readonly name: string;
  readonly upstream: string;
  readonly repository: string;
  /** null where nothing but its digest leads to it. */
  readonly tag: string | null;
  readonly digest: string;
  /** null if the manifest itself is lost. */
  readonly mediaType: string | null;
  /** Those that are here. */
  readonly platforms: readonly string[];
  /** Whether all of it is here, for one platform at least, and all of each platform that is here. */
  readonly complete: boolean;
  readonly sizeBytes: number;
  /** Of that, what other images name too. */
  readonly sharedBytes: number;
  /** An ISO 8601 time; null if it was never pulled. */
  readonly lastPullAt: string | null;
  readonly pulls: number;
}

export interface ImagesAnswer {
  readonly images: readonly ImageEntry[];
  /** How many images match, on all pages. */
  readonly matched: number;
  /** What to ask the next page with; null on the last. */
  readonly next: string | null;
  /** All content, each once. */
  readonly stored: { readonly blobs: number; readonly bytes: number };
}

/** `GET /api/v1/images`. */
export function addImages(api: AdminApi, { mirror, catalog }: AdminTools): void {
  api.openapi(imagesRoute, async (context) => {
    const { glob = null, sort, limit, cursor } = context.req.valid("query");
    if (glob !== null && !ImageGlob.parse(glob))
      throw refusal("glob: it is no pattern of images; write for example docker.io/library/*");
    const after = cursor === undefined ? null : readCursor(cursor);
    const { images, matched, next } = await mirror.images.list({ glob, sort, limit, after });
    const { blobs, bytes } = await catalog.usage();
    const answer: ImagesAnswer = {
      images: images.map(entryOf),
      matched,
      next: next && cursorText(next),
      stored: { blobs, bytes },
    };
    return context.json(answer, 200);
  });
}

function entryOf(image: ImageSummary): ImageEntry {
  const { upstream, repository, reference, digest, mediaType, platforms } = image;
  const { isComplete, sizeBytes, sharedBytes, pulls, lastAtMs } = image;
  return {
    name: imageName({ upstream, repository }, reference),
    upstream,
    repository,
    tag: reference.kind === "tag" ? reference.tag : null,
    digest,
    mediaType,
    platforms,
    complete: isComplete,
    sizeBytes,
    sharedBytes,
    // Without a pull the time is that of its arrival.
    lastPullAt: pulls > 0 ? isoTime(lastAtMs) : null,
    pulls,
  };
}

function cursorText({ value, name }: ImageCursor): string {
  return Buffer.from(JSON.stringify([value, name])).toString("base64url");
}

const cursorSchema = z.tuple([z.number(), z.string().max(1_000)]);

function readCursor(text: string): ImageCursor {
  try {
    const [value, name] = cursorSchema.parse(JSON.parse(Buffer.from(text, "base64url").toString()));
    return { value, name };
  } catch (cause) {
    throw refusal("cursor: it is none; take it from `next` of the page before", cause);
  }
}

function refusal(message: string, cause?: unknown): HTTPException {
  return new HTTPException(400, { message, cause });
}

const imagesQuery = z.object({
  glob: z.string().optional().openapi({
    description: "A pattern of full names, such as docker.io/library/*: see eviction.pins.",
  }),
  sort: z.enum(imageOrders).default("pulled").openapi({
    description: "By name; or with what was pulled last, is largest or most pulled first.",
  }),
  limit: z.coerce.number().int().min(1).max(imagesLimit).default(100),
  cursor: z.string().max(2_000).optional().openapi({ description: "`next` of the page before." }),
});

const imagesSchema: z.ZodType<ImagesAnswer> = z
  .object({
    images: z
      .array(
        z.object({
          name: z.string(),
          upstream: z.string(),
          repository: z.string(),
          tag: z.string().nullable(),
          digest: z.string(),
          mediaType: z.string().nullable().openapi({
            description: "null if the manifest itself is lost.",
          }),
          platforms: z.array(z.string()).readonly(),
          complete: z.boolean().openapi({
            description:
              "Whether all of it is here, for one platform at least, and all of each platform that is here.",
          }),
          sizeBytes: count,
          sharedBytes: count.openapi({ description: "Of that, what other images name too." }),
          lastPullAt: z.string().nullable().openapi({ format: "date-time" }),
          pulls: count,
        }),
      )
      .readonly(),
    matched: count.openapi({ description: "How many images match, on all pages." }),
    next: z.string().nullable(),
    stored: z.object({ blobs: count, bytes: count }),
  })
  .openapi("Images");

const imagesRoute = createRoute({
  method: "get",
  path: "/api/v1/images",
  summary: "The images that are stored, under each of their names.",
  request: { query: imagesQuery },
  responses: {
    200: jsonOf("A page of them.", imagesSchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
  },
});
