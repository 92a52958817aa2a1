import type { ServerResponse } from "node:http";
import { Http2ServerResponse } from "node:http2";
import type { CreateServer } from "./create-server.ts";
import { cut } from "./cut.ts";

/** What was seen of an answer when it was last looked at. */
interface Seen {
  /** Grows with what its client takes; null where there was nothing to take. */
  taken: number | null;
  /** How often that was the same since. */
  times: number;
}

// So often is each looked at in the time that it has.
const looksInTime = 10;

// As much as a body of a blob hands over at a time, and has that time for.
const bytesInTime = 1024 * 1024;

/**
 * Cuts answers of which the client takes nothing: they would hold their connection, or over HTTP/2 their place among the streams,
 * for as long as it likes. A blob's body ends before, and says so in the log: see BodyWriter. Answers that went to the kernel in the
 * call that made them, which most do, cost nothing here.
 */
export class UnreadAnswers {
  readonly #lookMs: number;
  readonly #answers = new Map<ServerResponse, Seen>();
  #timer: NodeJS.Timeout | null = null;

  /** For each MiB that is left of it an answer has `idleMs`, and a tenth more. */
  constructor(idleMs: number) {
    this.#lookMs = idleMs / looksInTime;
  }

  /** The same `create`, for servers whose answers are looked after here. */
  lookingAfter(create: CreateServer): CreateServer {
    return (options, listener) =>
      create(options, (request, response) => {
        listener(request, response);
        const isStream = request.httpVersionMajor >= 2;
        if (isStream || !response.writableEnded || response.writableLength > 0)
          this.#keep(response);
      });
  }

  /** Looks at all of them once; it does so by itself while there are any. */
  look(): void {
    for (const [response, seen] of this.#answers) {
      const taken = takenOf(response);
      seen.times = taken !== null && taken === seen.taken ? seen.times + 1 : 0;
      seen.taken = taken;
      const times = Math.max(1, Math.ceil(response.writableLength / bytesInTime)) * looksInTime;
      if (seen.times <= times) continue;
      this.#answers.delete(response);
      cut(response);
    }
  }

  /** How many are looked after now. */
  get size(): number {
    return this.#answers.size;
  }

  #keep(response: ServerResponse): void {
    // One whose turn has not come is told nothing of the connection's end, and holds nobody up.
    if (response.socket === null) return void response.once("socket", () => this.#keep(response));
    this.#answers.set(response, { taken: null, times: 0 });
    response.once("close", () => this.#answers.delete(response));
    this.#timer ??= this.#lookLater();
  }

  #lookLater(): NodeJS.Timeout {
    return setTimeout(() => {
      this.look();
      this.#timer = this.#answers.size > 0 ? this.#lookLater() : null;
    }, this.#lookMs).unref();
  }
}

function takenOf(response: ServerResponse): number | null {
  const { writableEnded, writableLength } = response;
  // Before its end nothing tells what is taken of a stream.
  if (response instanceof Http2ServerResponse) return writableEnded ? -writableLength : null;
  const { socket } = response;
  if (socket === null || (!writableEnded && writableLength === 0)) return null;
  return socket.bytesWritten - socket.writableLength;
}
