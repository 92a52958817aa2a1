import { z } from "@hono/zod-openapi";

/** What a question that cannot be answered is answered with: a sentence for people. */
export const errorSchema: z.ZodObject<{ error: z.ZodString }> = z
  .object({ error: z.string() })
  .openapi("Error");

/** A JSON answer or body of this shape, for the OpenAPI document. */
export function jsonOf<T extends z.ZodType>(
  description: string,
  schema: T,
): { description: string; content: { "application/json": { schema: T } } } {
  return { description, content: { "application/json": { schema } } };
}
