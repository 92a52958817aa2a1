import { createRoute, z } from "@hono/zod-openapi";
import type { Endangered } from "../../mirror/images/survival.ts";
import { isoTime } from "../../telemetry/iso-time.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, errorSchema, jsonOf } from "../answers.ts";
import { outageKinds } from "./why.ts";

export interface SurviveAnswer {
  readonly days: number;
  /** How many images were pulled in these days, as far as their names are known. */
  readonly images: number;
  readonly survive: number;
  /** How many more there are: 5,000 are looked at, the latest. */
  readonly unseen: number;
  /** How many more are gone, and nobody knows what they were called. */
  readonly goneUnnamed: number;
  /** The latest pull first. */
  readonly endangered: readonly {
    readonly name: string;
    readonly platforms: readonly string[];
    readonly lastPullAt: string;
    readonly pulls: number;
    readonly problems: readonly {
      readonly kind: Endangered["problems"][number]["kind"];
      readonly count: number;
      readonly bytes: number;
    }[];
  }[];
}

const dayMs = 86_400_000;

/** `GET /api/v1/survive`. */
export function addSurvive(api: AdminApi, tools: AdminTools): void {
  api.openapi(surviveRoute, async (context) => {
    const { days } = context.req.valid("query");
    const { mirror, configured, now } = tools;
    const { images, unseen, goneUnnamed, endangered } = await mirror.survivor.survive(
      now() - days * dayMs,
      (name) => configured.present.named(name),
    );
    const answer: SurviveAnswer = {
      days,
      images,
      survive: images - endangered.length,
      unseen,
      goneUnnamed,
      endangered: endangered.map(({ lastAtMs, problems, ...image }) => ({
        ...image,
        lastPullAt: isoTime(lastAtMs),
        problems: problems.map((problem) => ({ count: 0, bytes: 0, ...problem })),
      })),
    };
    return context.json(answer, 200);
  });
}

const surviveSchema: z.ZodType<SurviveAnswer> = z
  .object({
    days: z.number(),
    images: count,
    survive: count,
    unseen: count,
    goneUnnamed: count.openapi({
      description: "How many more are gone, and nobody knows what they were called.",
    }),
    endangered: z
      .array(
        z.object({
          name: z.string(),
          platforms: z.array(z.string()).readonly(),
          lastPullAt: z.string().openapi({ format: "date-time" }),
          pulls: count,
          problems: z
            .array(
              z.object({
                kind: z.enum([...outageKinds, "gone", "no-upstream"]),
                count,
                bytes: count,
              }),
            )
            .readonly(),
        }),
      )
      .readonly(),
  })
  .openapi("Survival");

const surviveRoute = createRoute({
  method: "get",
  path: "/api/v1/survive",
  summary: "Which of the images pulled of late could be pulled again if no upstream answered.",
  request: {
    query: z.object({
      days: z.coerce.number().positive().max(30).default(7).openapi({
        description: "How far back: the log of pulls has 30 days.",
      }),
    }),
  },
  responses: {
    200: jsonOf("Those that could not, and why.", surviveSchema),
    400: jsonOf("What was asked cannot be read.", errorSchema),
  },
});
