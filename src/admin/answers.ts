import { z } from "@hono/zod-openapi";
import type { Digest } from "../oci/digest.ts";

/** What a question that cannot be answered is answered with: a sentence for people. */
export const errorSchema: z.ZodObject<{ error: z.ZodString }> = z
  .object({ error: z.string() })
  .openapi("Error");

/** The digest of something stored: answers are not parsed, and a custom type would be described as optional. */
export const digestSchema: z.ZodType<Digest> = z.string() as z.ZodType as z.ZodType<Digest>;

/** A JSON answer or body of this shape, for the OpenAPI document. */
export function jsonOf<T extends z.ZodType>(
  description: string,
  schema: T,
): { description: string; content: { "application/json": { schema: T } } } {
  return { description, content: { "application/json": { schema } } };
}
