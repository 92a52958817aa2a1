import { setTimeout as after } from "node:timers/promises";
import { z } from "@hono/zod-openapi";
import type { Context, TypedResponse } from "hono";
import { StorageError } from "../storage/storage-error.ts";
import type { Log } from "../telemetry/log.ts";

/** Work whose answer is told while it goes on. */
export interface ToldWork<Line> {
  /** Aborted when whoever asked is gone. */
  readonly signal: AbortSignal;
  /** Writes a line; resolves when it is taken, and rejects when nobody takes it any more. */
  readonly tell: (line: Line | FailedLine) => Promise<void>;
}

/** How an answer ends whose work failed. */
export interface FailedLine {
  readonly kind: "failed";
  readonly error: string;
}

export interface LineOptions<Line> {
  readonly log: Log;
  /** A line that tells how far the work is, written now and then as long as lines are taken. */
  readonly progress: () => Promise<Line>;
}

// Often enough for a bar that moves, and for whoever waits for a sign of life.
const progressEveryMs = 250;

const encoder = new TextEncoder();

/**
 * An answer of lines of JSON. A client that leaves ends the work; work that fails ends the answer with the line
 * `{"kind":"failed","error":SENTENCE}`.
 */
export function jsonLines<Line>(
  context: Context,
  work: (told: ToldWork<Line>) => Promise<void>,
  options: LineOptions<Line>,
): LinesAnswer<Line> {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const writer = writable.getWriter();
  const ending = new AbortController();
  writer.closed.catch(() => ending.abort(new Error("nobody takes the answer any more")));
  const tell = (line: Line | FailedLine): Promise<void> =>
    writer.write(encoder.encode(`${JSON.stringify(line)}\n`));
  carryOut(work, { tell, signal: ending.signal }, options)
    .then(() => writer.close())
    // Nobody is there to be told.
    .catch(() => {});
  // What is streamed has no type that the framework could check.
  const answer: Response = context.body(readable, 200, { "content-type": jsonLinesType });
  return answer as LinesAnswer<Line>;
}

type LinesAnswer<Line> = Response & TypedResponse<Line, 200, "json">;

/** A JSON lines answer of this shape, for the OpenAPI document. */
export function jsonLinesOf<T extends z.ZodType>(
  description: string,
  schema: T,
): { description: string; content: { "application/jsonl": { schema: T } } } {
  return { description, content: { [jsonLinesType]: { schema } } };
}

const jsonLinesType = "application/jsonl";

async function carryOut<Line>(
  work: (told: ToldWork<Line>) => Promise<void>,
  { tell, signal }: ToldWork<Line>,
  { log, progress }: LineOptions<Line>,
): Promise<void> {
  const done = new AbortController();
  const either = AbortSignal.any([signal, done.signal]);
  const telling = tellProgress({ tell, signal: either }, progress).catch(() => {});
  try {
    await work({ tell, signal });
  } catch (err) {
    if (signal.aborted) return;
    log.error({ err }, "work for the admin API failed");
    const error =
      err instanceof StorageError ? err.message : "an error within the mirror; its log says which";
    await tell({ kind: "failed", error });
  } finally {
    done.abort();
    await telling;
  }
}

async function tellProgress<Line>(
  { tell, signal }: ToldWork<Line>,
  progress: () => Promise<Line>,
): Promise<void> {
  while (!signal.aborted) {
    await tell(await progress());
    await after(progressEveryMs, null, { signal });
  }
}

export const failedSchema: z.ZodObject<{ kind: z.ZodLiteral<"failed">; error: z.ZodString }> = z
  .object({ kind: z.literal("failed"), error: z.string() })
  .openapi("WorkFailed", { description: "The work ended with this error." });
