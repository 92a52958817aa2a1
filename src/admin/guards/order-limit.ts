import type { MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import { isOrder } from "./changes.ts";

/**
 * Refuses orders of more than `limitBytes`. Of other requests nobody reads the body, and to look whether there is one costs
 * more than most answers.
 */
export function orderLimit(limitBytes: number): MiddlewareHandler {
  const limit = bodyLimit({
    maxSize: limitBytes,
    onError: (context) =>
      context.json({ error: `an order may have ${limitBytes} bytes, and this has more` }, 413),
  });
  return (context, next) => (isOrder(context) ? limit(context, next) : next());
}
