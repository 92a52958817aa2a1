import type { Answer } from "./exchange.ts";

/** No response header came in all the time that a question has. */
export class AnswerOverdue extends Error {
  constructor(limitMs: number) {
    super(`no response header came within ${limitMs} ms`);
    this.name = "AnswerOverdue";
  }
}

/**
 * The answer that `ask` gets, connections, tokens and redirects included. Rejects with AnswerOverdue after `limitMs`, and
 * ends the request then; what has been answered may take its time. Aborting `signal` ends both.
 */
export async function answerWithin(
  limitMs: number,
  signal: AbortSignal | undefined,
  ask: (signal: AbortSignal) => Promise<Answer>,
): Promise<Answer> {
  const late = new AbortController();
  const { promise: overdue, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => {
    const error = new AnswerOverdue(limitMs);
    reject(error);
    late.abort(error);
  }, limitMs);
  try {
    return await Promise.race([
      ask(signal ? AbortSignal.any([signal, late.signal]) : late.signal),
      overdue,
    ]);
  } finally {
    clearTimeout(timer);
  }
}
