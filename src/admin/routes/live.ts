import { setTimeout as after } from "node:timers/promises";
import { createRoute } from "@hono/zod-openapi";
import type { Log } from "../../telemetry/log.ts";
import type { AdminApi } from "../admin-tools.ts";
import { errorSchema, jsonOf } from "../answers.ts";
import { type Now, nowSchema } from "./now.ts";

// Each holds a connection; a team and its wall screens are fewer.
export const listenersLimit = 32;

// Numbers that change more often cannot be read.
const everyMs = 1_000;

// A listener that takes nothing for so many events is gone, though its connection may not know.
const untakenLimit = 30;

interface Listener {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  untaken: number;
}

/** `GET /api/v1/live`: `Now`, every second, to whoever listens. Nothing is collected while nobody does. */
export function addLive(api: AdminApi, collect: () => Promise<Now>, log: Log): void {
  const feed = new LiveFeed(collect, log);
  api.openapi(liveRoute, (context) => {
    if (feed.isFull) {
      const error = `${listenersLimit} are listening already: close one of them, or ask /api/v1/now`;
      return context.json({ error }, 503, { "retry-after": "10" });
    }
    const answer: Response = context.body(feed.listen(), 200, {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      // nginx would keep events back until there are enough of them.
      "x-accel-buffering": "no",
    });
    return answer as never;
  });
}

/** One event a second, made once for all who listen. */
class LiveFeed {
  readonly #collect: () => Promise<Now>;
  readonly #log: Log;
  readonly #listeners = new Set<Listener>();
  #runs = false;

  constructor(collect: () => Promise<Now>, log: Log) {
    this.#collect = collect;
    this.#log = log;
  }

  get isFull(): boolean {
    return this.#listeners.size >= listenersLimit;
  }

  listen(): ReadableStream<Uint8Array> {
    let listener: Listener | null = null;
    return new ReadableStream({
      start: (controller) => {
        listener = { controller, untaken: 0 };
        this.#listeners.add(listener);
        // So that the browser knows that it is connected.
        controller.enqueue(encoder.encode("retry: 1000\n\n"));
        this.#run();
      },
      cancel: () => {
        if (listener) this.#listeners.delete(listener);
      },
    });
  }

  #run(): void {
    if (this.#runs) return;
    this.#runs = true;
    this.#tell()
      .catch((err: unknown) => {
        this.#log.error({ err }, "what happens now could not be told");
        // They come again, and are told when it can.
        for (const { controller } of this.#listeners) controller.close();
        this.#listeners.clear();
      })
      .finally(() => {
        this.#runs = false;
      });
  }

  async #tell(): Promise<void> {
    while (this.#listeners.size > 0) {
      const event = encoder.encode(
        `event: now\ndata: ${JSON.stringify(await this.#collect())}\n\n`,
      );
      for (const listener of this.#listeners) this.#tellOne(listener, event);
      await after(everyMs);
    }
  }

  /** Who has not taken the event before gets the next one: what is old is of no use. */
  #tellOne(listener: Listener, event: Uint8Array): void {
    const { controller } = listener;
    if ((controller.desiredSize ?? 0) > 0) {
      listener.untaken = 0;
      controller.enqueue(event);
      return;
    }
    listener.untaken += 1;
    if (listener.untaken < untakenLimit) return;
    this.#listeners.delete(listener);
    controller.error(new Error("nobody takes the events any more"));
  }
}

const encoder = new TextEncoder();

const liveRoute = createRoute({
  method: "get",
  path: "/api/v1/live",
  summary: "The same as `now`, as an event every second, for as long as somebody listens.",
  responses: {
    200: {
      description: "Server-sent events `now`, each with a `Now` in its data.",
      content: { "text/event-stream": { schema: nowSchema } },
    },
    503: jsonOf("Too many listen already.", errorSchema),
  },
});
