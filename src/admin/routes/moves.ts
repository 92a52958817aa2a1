import { createRoute, z } from "@hono/zod-openapi";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { errorSchema, jsonOf } from "../answers.ts";

export interface MovesAnswer {
  /** The latest first. */
  readonly moves: readonly {
    /** In full, `docker.io/library/alpine:latest`. */
    readonly name: string;
    /** When the mirror noticed it, as an ISO 8601 time. */
    readonly at: string;
    readonly from: string | null;
    readonly to: string;
  }[];
}

const movesLimit = 500;

/** `GET /api/v1/moves`. */
export function addMoves(api: AdminApi, { catalog }: AdminTools): void {
  api.openapi(movesRoute, async (context) => {
    const { limit } = context.req.valid("query");
    const moves = await catalog.ask({ kind: "moves", limit });
    const answer: MovesAnswer = {
      moves: moves.map(({ atMs, ...move }) => ({ ...move, at: isoTime(atMs) })),
    };
    return context.json(answer, 200);
  });
}

const movesSchema: z.ZodType<MovesAnswer> = z
  .object({
    moves: z
      .array(
        z.object({
          name: z.string(),
          at: z.string().openapi({ format: "date-time" }),
          from: z.string().nullable(),
          to: z.string(),
        }),
      )
      .readonly(),
  })
  .openapi("Moves");

const movesRoute = createRoute({
  method: "get",
  path: "/api/v1/moves",
  summary: "Which tags have moved of late: the latest first.",
  request: {
    query: z.object({ limit: z.coerce.number().int().positive().max(movesLimit).default(50) }),
  },
  responses: {
    200: jsonOf("When, from and to.", movesSchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
  },
});
