import { z } from "@hono/zod-openapi";
import type { Digest } from "../oci/digest.ts";

/** What a question that cannot be answered is answered with: a sentence for people. */
export const errorSchema: z.ZodObject<{ error: z.ZodString }> = z
  .object({ error: z.string() })
  .openapi("Error");

/** The digest of something stored: answers are not parsed, and a custom type would be described as optional. */
export const digestSchema: z.ZodType<Digest> = z.string() as z.ZodType as z.ZodType<Digest>;

/** How many, or how many bytes. */
export const count: z.ZodNumber = z.number().int().nonnegative();

/** An ISO 8601 time. */
export const time: z.ZodString = z.string().openapi({ format: "date-time" });

/** A JSON answer of this shape, for the OpenAPI document. */
export function jsonOf<T extends z.ZodType>(
  description: string,
  schema: T,
): { description: string; content: { "application/json": { schema: T } } } {
  return { description, content: { "application/json": { schema } } };
}

/** The body of a POST: an order of this shape, for the OpenAPI document. */
export function orderOf<T extends z.ZodType>(
  schema: T,
): { required: true; content: { "application/json": { schema: T } } } {
  return { required: true, content: { "application/json": { schema } } };
}
