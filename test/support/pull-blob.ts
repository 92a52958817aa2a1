import { createHash } from "node:crypto";
import { once } from "node:events";
import { type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import type { Digest } from "../../src/oci/digest.ts";

/** A pull whose status and headers are here, and whose body is being read. */
export interface RunningPull {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Resolves when the first bytes of the body are here. */
  readonly begun: Promise<unknown>;
  /** The digest of the whole body; rejects when the connection is cut before its end. */
  readonly digest: Promise<string>;
}

/** Pulls a blob as a client that keeps nothing of it, on a connection of its own. */
export async function pullBlob(
  registryUrl: string,
  repository: string,
  digest: Digest,
): Promise<RunningPull> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  request(`${registryUrl}/v2/${repository}/blobs/${digest}`, { agent: false })
    .on("error", reject)
    .on("response", resolve)
    .end();
  const response = await promise;
  const begun = once(response, "readable");
  const body = digestOfBody(response);
  // Whoever reads `digest` sees its failure; until then it is not unhandled.
  body.catch(() => undefined);
  begun.catch(() => undefined);
  return { status: response.statusCode ?? 0, headers: response.headers, begun, digest: body };
}

async function digestOfBody(response: IncomingMessage): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of response as AsyncIterable<Buffer>) hash.update(chunk);
  if (!response.complete) await once(response, "error");
  return `sha256:${hash.digest("hex")}`;
}
