import { createRoute, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { locationOf } from "../../mirror/rights/grants.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { errorSchema, jsonOf } from "../answers.ts";
import { askedImage, fullName, readImage } from "../asked-image.ts";
import { unknownImage } from "../unknown-image.ts";

export interface HistoryAnswer {
  /** In full, `docker.io/library/alpine:latest`. */
  readonly name: string;
  /** The latest first. */
  readonly moves: readonly {
    /** When the mirror noticed it, as an ISO 8601 time. */
    readonly at: string;
    /** null where the tag was seen for the first time. */
    readonly from: string | null;
    readonly to: string;
  }[];
}

// As many as the catalog keeps of a tag.
const movesLimit = 100;

/** `GET /api/v1/history`. */
export function addHistory(api: AdminApi, tools: AdminTools): void {
  api.openapi(historyRoute, async (context) => {
    const image = readImage(tools, context.req.valid("query").image);
    const { reference } = image;
    if (reference.kind === "digest") {
      throw new HTTPException(400, {
        message: "a digest never moves; ask for the history of a tag",
      });
    }
    const location = locationOf(image);
    const moves = await tools.catalog.tagMoves(location, reference.tag, movesLimit);
    const isKnown =
      moves.length > 0 || (await tools.catalog.tag(location, reference.tag, "")) !== null;
    if (!isKnown) throw await unknownImage(tools, image);
    const answer: HistoryAnswer = {
      name: fullName(image),
      moves: moves.map(({ atMs, from, to }) => ({ at: isoTime(atMs), from, to })),
    };
    return context.json(answer, 200);
  });
}

const historySchema: z.ZodType<HistoryAnswer> = z
  .object({
    name: z.string(),
    moves: z
      .array(
        z.object({
          at: z.string().openapi({ format: "date-time" }),
          from: z.string().nullable().openapi({
            description: "null where the tag was seen for the first time.",
          }),
          to: z.string(),
        }),
      )
      .readonly(),
  })
  .openapi("History");

const historyRoute = createRoute({
  method: "get",
  path: "/api/v1/history",
  summary: "The moves of a tag: the last hundred, the latest first.",
  request: { query: z.object({ image: askedImage }) },
  responses: {
    200: jsonOf("When, from and to.", historySchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
    404: jsonOf("Nothing is known of the tag; what is near.", errorSchema),
  },
});
