import { z } from "@hono/zod-openapi";

// What the values mean is for `readWindow` to say.
/** How a time is asked about. */
export const windowQuery: {
  window: z.ZodOptional<z.ZodString>;
  from: z.ZodOptional<z.ZodString>;
  to: z.ZodOptional<z.ZodString>;
} = {
  window: asked("A duration back from now, such as 24h, or back from `to`."),
  from: asked("Instead of the window: its beginning, an ISO 8601 time."),
  to: asked("Its end, an ISO 8601 time. Without it: now."),
};

export const stepQuery: z.ZodOptional<z.ZodString> = asked(
  "How long a step is: whole minutes, hours or days. Without it: a round one.",
);

function asked(description: string): z.ZodOptional<z.ZodString> {
  return z.string().optional().openapi({ description });
}
