import { createHash } from "node:crypto";
import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import type { Lab } from "./lab.ts";
import type { PlacedBlob } from "./origin.ts";

export interface VerifiedPull {
  readonly url: string;
  readonly digest: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
}

/** Pulls `url`, never timed, and rejects unless its content has `digest`. */
export async function pullVerified(pull: VerifiedPull): Promise<void> {
  const request = get(pull.url, {
    agent: false,
    headers: pull.headers ?? {},
    signal: AbortSignal.any([pull.signal, AbortSignal.timeout(300_000)]),
  });
  const [response]: IncomingMessage[] = await once(request, "response");
  if (response === undefined || response.statusCode !== 200) {
    request.destroy();
    throw new Error(`${pull.url}: status ${response?.statusCode}`);
  }
  const hash = createHash("sha256");
  for await (const chunk of response) hash.update(chunk);
  const digest = `sha256:${hash.digest("hex")}`;
  if (digest !== pull.digest) throw new Error(`${pull.url}: the content is ${digest}`);
}

/** The same of a blob of the origin, from whoever answers at `url`. */
export function pullBlobVerified(
  { signal }: Lab,
  url: string,
  { path, digest }: PlacedBlob,
): Promise<void> {
  return pullVerified({ url: url + path, digest, signal });
}
