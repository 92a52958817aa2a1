import { request } from "node:http";
import { json } from "node:stream/consumers";
import type { EvictionAnswer, EvictionOrder } from "../../src/admin/routes/eviction.ts";

/** Asks a mirror what would go, through its control socket. */
export async function orderEviction(
  socketPath: string,
  order: EvictionOrder,
  signal: AbortSignal,
): Promise<EvictionAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<EvictionAnswer>();
  const headers = { "content-type": "application/json" };
  request({ socketPath, path: "/api/v1/evict", method: "POST", headers, signal, agent: false })
    .on("error", reject)
    .on("response", (response) => {
      const { statusCode } = response;
      if (statusCode === 200)
        json(response).then((body) => resolve(body as EvictionAnswer), reject);
      else reject(new Error(`the order was answered with ${statusCode}`));
    })
    .end(JSON.stringify(order));
  return promise;
}
