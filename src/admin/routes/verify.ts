import { createRoute, z } from "@hono/zod-openapi";
import {
  type Finding,
  findingKinds,
  type VerifyProgress,
} from "../../storage/verification/verification.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { count, digestSchema, errorSchema, jsonOf, orderOf } from "../answers.ts";
import { type FailedLine, failedSchema, jsonLines, jsonLinesOf } from "../json-lines.ts";

/** What is asked of `POST /api/v1/verify`. */
export interface VerifyRequest {
  /** Whether what is found is only told. */
  readonly dryRun: boolean;
  /** How fast content is read, in bytes a second; null: as fast as it goes. */
  readonly bytesPerSecond: number | null;
}

/** A line of the answer: findings as they come, progress between them, and `done` at the end. */
export type VerifyLine =
  | ({ readonly kind: "progress" } & VerifyProgress)
  | { readonly kind: "finding"; readonly finding: Finding }
  | ({ readonly kind: "done" } & VerifySummary)
  | FailedLine;

export interface VerifySummary {
  readonly checkedBlobs: number;
  readonly checkedBytes: number;
  /** What was wrong and still is. */
  readonly damaged: number;
  /** What was wrong and is not any more. */
  readonly mended: number;
  /** What is none of ours. */
  readonly foreign: number;
}

/** `POST /api/v1/verify`. */
export function addVerify(api: AdminApi, { mirror, log }: AdminTools): void {
  api.openapi(verifyRoute, (context) => {
    const { dryRun, bytesPerSecond } = context.req.valid("json");
    const begun = mirror.verifier.begin({ aim: dryRun ? "tell" : "mend", bytesPerSecond });
    if (!begun) {
      return context.json({ error: "another verification runs: ask again when it is over" }, 503);
    }
    const progress = async (): Promise<VerifyLine> => ({
      kind: "progress",
      ...(await begun.progress()),
    });
    return jsonLines<VerifyLine>(
      context,
      async ({ tell, signal }) => {
        using verification = begun;
        const counts = { damaged: 0, mended: 0, foreign: 0 };
        for await (const finding of verification.run(signal)) {
          counts[countOf(finding)] += 1;
          await tell({ kind: "finding", finding });
        }
        const { checkedBlobs, checkedBytes } = await verification.progress();
        const summary: VerifySummary = { checkedBlobs, checkedBytes, ...counts };
        await tell({ kind: "done", ...summary });
      },
      { log, progress },
    );
  });
}

function countOf({ kind, deed }: Finding): "damaged" | "mended" | "foreign" {
  if (kind === "foreign") return "foreign";
  return deed === "none" ? "damaged" : "mended";
}

const verifyRequestSchema: z.ZodType<VerifyRequest> = z
  .strictObject({
    dryRun: z.boolean().openapi({ description: "Whether what is found is only told." }),
    bytesPerSecond: z.number().int().positive().nullable().default(null).openapi({
      description: "How fast content is read, in bytes a second; null: as fast as it goes.",
    }),
  })
  .openapi("VerifyRequest");

const progressShape = { checkedBlobs: count, checkedBytes: count };

const findingSchema = z
  .object({
    kind: z.enum(findingKinds),
    digest: digestSchema.nullable().openapi({ description: "Null for what has none." }),
    path: z.string(),
    reason: z.string(),
    deed: z.enum(["quarantined", "forgotten", "adopted", "none"]),
  })
  .openapi("StorageFinding");

const verifyLineSchema: z.ZodType<VerifyLine> = z
  .discriminatedUnion("kind", [
    z
      .object({
        kind: z.literal("progress"),
        ...progressShape,
        totalBlobs: count,
        totalBytes: count,
      })
      .openapi("VerifyProgress"),
    z.object({ kind: z.literal("finding"), finding: findingSchema }).openapi("VerifyFinding"),
    z
      .object({
        kind: z.literal("done"),
        ...progressShape,
        damaged: count.openapi({ description: "What was wrong and still is." }),
        mended: count.openapi({ description: "What was wrong and is not any more." }),
        foreign: count.openapi({ description: "What is none of sluice's, and was left alone." }),
      })
      .openapi("VerifySummary"),
    failedSchema,
  ])
  .openapi("VerifyLine");

const verifyRoute = createRoute({
  method: "post",
  path: "/api/v1/verify",
  summary: "Reads all that is stored, and tells or mends what is damaged.",
  request: {
    body: orderOf(verifyRequestSchema),
  },
  responses: {
    200: jsonLinesOf(
      "Lines of JSON, until a line `done`. Leaving ends the verification.",
      verifyLineSchema,
    ),
    400: jsonOf("The body is no order.", errorSchema),
    503: jsonOf("Another verification runs.", errorSchema),
  },
});
