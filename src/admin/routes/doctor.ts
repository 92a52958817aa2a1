import { createRoute, z } from "@hono/zod-openapi";
import { type Finding, verdicts } from "../../doctor/finding.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { jsonOf } from "../answers.ts";

export interface DoctorAnswer {
  readonly findings: readonly Finding[];
}

/** `GET /api/v1/doctor`. It asks upstreams, with credentials: whoever may have that done may also read them. */
export function addDoctor(api: AdminApi, { doctor }: AdminTools): void {
  api.openapi(doctorRoute, async (context) =>
    context.json({ findings: await doctor.examine() }, 200),
  );
}

const findingSchema: z.ZodType<Finding> = z
  .object({
    subject: z.string().openapi({
      description: "process, clock, storage, admin, clients, or the name of an upstream.",
    }),
    verdict: z.enum(verdicts),
    found: z.string().openapi({ description: "A sentence." }),
    remedy: z.string().nullable().openapi({
      description: "What to do; null where nothing has to be done, or `found` says what.",
    }),
  })
  .openapi("DoctorFinding");

const doctorAnswerSchema: z.ZodType<DoctorAnswer> = z
  .object({ findings: z.array(findingSchema).readonly() })
  .openapi("DoctorAnswer");

const doctorRoute = createRoute({
  method: "get",
  path: "/api/v1/doctor",
  summary:
    "Examines process, disk, every upstream and every way in which clients ask, in up to 20 s. On the control socket only.",
  responses: { 200: jsonOf("What was found, by subject.", doctorAnswerSchema) },
});
