import { Agent, request } from "node:http";
import { json } from "node:stream/consumers";
import type { EvictionOutlook } from "../../src/admin/routes/eviction.ts";

/**
 * Asks a mirror what would go, through its control socket: over one connection, and for no more than the totals and one
 * victim, for what is measured beside it is choosing, and neither side's work for a list.
 */
export class EvictionOutlooks implements Disposable {
  readonly #socketPath: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });

  constructor(socketPath: string) {
    this.#socketPath = socketPath;
  }

  /** What would go until everything takes `toBytes`; null for the low watermark. */
  ask(toBytes: number | null, signal: AbortSignal): Promise<EvictionOutlook> {
    const { promise, resolve, reject } = Promise.withResolvers<EvictionOutlook>();
    const path = `/api/v1/evict?limit=1${toBytes === null ? "" : `&toBytes=${toBytes}`}`;
    request({ socketPath: this.#socketPath, path, signal, agent: this.#agent })
      .on("error", reject)
      .on("response", (response) => {
        const { statusCode } = response;
        if (statusCode === 200)
          json(response).then((body) => resolve(body as EvictionOutlook), reject);
        else reject(new Error(`what would go was answered with ${statusCode}`));
      })
      .end();
    return promise;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}
