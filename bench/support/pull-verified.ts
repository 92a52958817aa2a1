import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { get as getPlainly, type IncomingMessage } from "node:http";
import { get as getByTls } from "node:https";
import type { Reached } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import type { PlacedBlob } from "./origin.ts";

export interface VerifiedPull {
  readonly url: string;
  readonly digest: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Of https: the certificate, a PEM file, to believe. */
  readonly caFile?: string;
  readonly signal: AbortSignal;
}

/** Pulls `url`, never timed, and rejects unless its content has `digest`. */
export async function pullVerified(pull: VerifiedPull): Promise<void> {
  const get = pull.url.startsWith("https:") ? getByTls : getPlainly;
  const request = get(pull.url, {
    agent: false,
    ...(pull.caFile && { ca: await readFile(pull.caFile) }),
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

/** The same of a blob of the origin, from whoever answers there. */
export function pullBlobVerified(
  { signal }: Lab,
  { url, caFile }: Reached,
  { path, digest }: PlacedBlob,
): Promise<void> {
  return pullVerified({ url: url + path, digest, signal, ...(caFile && { caFile }) });
}
