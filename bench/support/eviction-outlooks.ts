import { connect, type Socket } from "node:net";
import type { EvictionOutlook } from "../../src/admin/routes/eviction.ts";
import { parseHead, requestFor } from "./raw-answer.ts";

/**
 * Asks a mirror what would go, through its control socket: over one bare connection, and for no more than the totals and
 * one victim, for what is measured beside it is choosing, and neither side's work for a list nor a client's for HTTP.
 */
export class EvictionOutlooks implements Disposable {
  readonly #socket: Socket;

  constructor(socketPath: string) {
    this.#socket = connect({ path: socketPath });
  }

  /** What would go until everything takes `toBytes`; null for the low watermark. One after the other. */
  ask(toBytes: number | null, signal: AbortSignal): Promise<EvictionOutlook> {
    const url = new URL("http://localhost/api/v1/evict?limit=1");
    if (toBytes !== null) url.searchParams.set("toBytes", String(toBytes));
    const answer = answerOf(this.#socket, signal);
    this.#socket.write(requestFor(url));
    return answer;
  }

  [Symbol.dispose](): void {
    this.#socket.destroy();
  }
}

function answerOf(socket: Socket, signal: AbortSignal): Promise<EvictionOutlook> {
  const { promise, resolve, reject } = Promise.withResolvers<EvictionOutlook>();
  let bytes: Buffer = Buffer.alloc(0);
  const onData = (more: Buffer): void => {
    bytes = Buffer.concat([bytes, more]);
    try {
      const outlook = outlookIn(bytes);
      if (outlook !== null) resolve(outlook);
    } catch (error) {
      reject(error);
    }
  };
  const onClose = (): void => reject(new Error("the control socket was closed"));
  const onAbort = (): void => reject(signal.reason);
  const listen = (how: "on" | "off"): void => {
    socket[how]("data", onData)[how]("error", reject)[how]("close", onClose);
  };
  listen("on");
  signal.addEventListener("abort", onAbort);
  return promise.finally(() => {
    listen("off");
    signal.removeEventListener("abort", onAbort);
  });
}

/** null as long as it is not all there. */
function outlookIn(bytes: Buffer): EvictionOutlook | null {
  const head = parseHead(bytes);
  if (head === null || bytes.length < head.endBytes + head.contentBytes) return null;
  return JSON.parse(bytes.toString("utf8", head.endBytes)) as EvictionOutlook;
}
