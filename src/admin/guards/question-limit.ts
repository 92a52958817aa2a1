import type { MiddlewareHandler } from "hono";

/** Answers no more than so many requests at a time; of a stream, until it begins. Who comes in vain is told to come again. */
export function questionLimit(limit: number): MiddlewareHandler {
  let running = 0;
  return async (context, next) => {
    if (running >= limit) {
      const error = `${limit} questions are being answered: ask again in a moment`;
      return context.json({ error }, 503, { "retry-after": "1" });
    }
    running++;
    try {
      return await next();
    } finally {
      running--;
    }
  };
}
