import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

// Each costs some 5 KiB. No client of registries asks for anything before it has its answer, but HTTP lets it.
const unansweredLimit = 1_000;

/**
 * The requests of each HTTP/1.1 connection, one after the other: Node hands all of them on as they come, and each would open its
 * file and take its buffers long before it is answered.
 */
export class Turns {
  /** The first of each is being answered. */
  readonly #asked = new WeakMap<Socket, (() => void)[]>();

  /**
   * Calls `answer` when all that was asked before on the connection has been answered; never if it ends before. The bytes of one
   * answer that was given at once may still be on their way: then the next has no `response.socket` until they have gone.
   */
  take(socket: Socket, response: ServerResponse, answer: () => void): void {
    const asked = this.#asked.get(socket) ?? [];
    if (asked.length === unansweredLimit) return void socket.resetAndDestroy();
    const isFirst = asked.length === 0;
    // Node gives an answer its connection when those before it have gone.
    const isAlone = isFirst && response.socket !== null;
    if (isFirst) answer();
    // All of it is with Node already. Most are such, and to listen for its end costs as much as some of them.
    if (isAlone && response.writableEnded) return;
    this.#asked.set(socket, asked);
    asked.push(answer);
    response.once("close", () => {
      asked.shift();
      if (!socket.destroyed) asked[0]?.();
    });
  }

  /** Whether something is being answered there, so that nothing else may be written. */
  isAnswering(socket: Socket): boolean {
    return (this.#asked.get(socket)?.length ?? 0) > 0 || socket.writableLength > 0;
  }
}
