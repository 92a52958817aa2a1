import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type DigestKey, digestOfKey } from "../../src/storage/catalog/digest-key.ts";
import type { CheckedAnswer, CheckedRequest } from "./checking-client.ts";

/** How many the thread has that has chosen what to evict, and stays for the next question. */
export const descriptorsOfThread = 6;

/**
 * Holds for every answer, whatever broke: one that is complete is the truth; one that is not is its beginning and
 * never the whole of it. Where the upstream lied, what it sent may have been passed on, but not to its end.
 *
 * Where it was `brokenOff` by a kill, or by the client, all of a body may have come in chunks and not yet the chunk that ends
 * it: the truth still.
 */
export function assertNeverWrong(
  answer: CheckedAnswer,
  request: CheckedRequest,
  { brokenOff = false }: { readonly brokenOff?: boolean } = {},
): void {
  const { status, bodyBytes, trueBytes, lieBytes, complete, headers } = answer;
  if (status !== 200 && status !== 206) return;
  const what = `${request.target} ${JSON.stringify(request.headers ?? {})}: ${JSON.stringify(answer)}`;
  if (headers["content-type"]?.startsWith("multipart/")) return;
  if (complete) assert.equal(trueBytes, bodyBytes, `complete and not the truth: ${what}`);
  else assert.equal(Math.max(trueBytes, lieBytes), bodyBytes, `no beginning of anything: ${what}`);
  if (request.method === "HEAD") return;
  const expectedBytes = expectedBytesOf(answer, request);
  if (complete) assert.equal(bodyBytes, expectedBytes, `complete and of another size: ${what}`);
  else if (brokenOff && headers["transfer-encoding"] === "chunked" && trueBytes === bodyBytes)
    return;
  else if (expectedBytes > 0) assert.ok(bodyBytes < expectedBytes, `whole but cut: ${what}`);
}

function expectedBytesOf({ headers }: CheckedAnswer, { truth }: CheckedRequest): number {
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(headers["content-range"] ?? "") ?? [];
  return first === undefined ? truth.sizeBytes : Number(last) - Number(first) + 1;
}

export interface StoreAudit {
  /** Digests whose content lies under its name. */
  readonly digests: ReadonlySet<string>;
  /** What is wrong. */
  readonly faults: readonly string[];
  /** Names in `ingest/` and `trash/`. */
  readonly temporary: readonly string[];
}

/** Looks at all of a storage directory: files under their digests, the rows that name them, temporary files. */
export async function auditStore(directory: string): Promise<StoreAudit> {
  const faults: string[] = [];
  const sizes = new Map<string, number>();
  for (const algorithm of ["sha256", "sha512"]) {
    for (const path of await filesBelow(join(directory, "blobs", algorithm))) {
      const name = path.split("/").at(-1) ?? "";
      const status = await lstat(path);
      if (!status.isFile()) faults.push(`${path} is no file`);
      else if ((await hashOf(path, algorithm)) !== name) faults.push(`${path} has other content`);
      else sizes.set(`${algorithm}:${name}`, status.size);
    }
  }
  faults.push(...rowFaults(join(directory, "catalog.db"), sizes));
  const temporary = await temporaryIn(directory);
  return { digests: new Set(sizes.keys()), faults, temporary };
}

/** Names in `ingest/` and `trash/`: cheap to ask for again and again, where the audit reads every byte. */
export async function temporaryIn(directory: string): Promise<string[]> {
  const names = ["ingest", "trash"].map((name) => readdir(join(directory, name)));
  return (await Promise.all(names)).flat();
}

/** A catalog that is damaged, rows without their file, and totals that are not the sum. A file without a row is only a miss. */
function rowFaults(catalogFile: string, sizes: ReadonlyMap<string, number>): string[] {
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(catalogFile, { readonly: true }), (it) => it.close());
  // One snapshot for all: the scan of a daemon that starts may be adopting files.
  database.exec("BEGIN");
  const integrity = database.pragma("integrity_check", { simple: true });
  const rows = (
    database.prepare("SELECT digest AS key, size_bytes AS size FROM blobs").all() as {
      key: DigestKey;
      size: number;
    }[]
  ).map(({ key, size }) => ({ digest: digestOfKey(key), size }));
  const faults = rows
    .filter(({ digest, size }) => sizes.get(digest) !== size)
    .map(({ digest, size }) => `${digest} has ${size} bytes in the catalog, ${sizes.get(digest)}`);
  if (integrity !== "ok") faults.push(`the catalog is damaged: ${integrity}`);
  const totals = database.prepare("SELECT blobs, bytes FROM totals").get();
  const sum = { blobs: rows.length, bytes: rows.reduce((bytes, { size }) => bytes + size, 0) };
  if (JSON.stringify(totals) !== JSON.stringify(sum)) {
    faults.push(`the totals are ${JSON.stringify(totals)}, the rows ${JSON.stringify(sum)}`);
  }
  return faults;
}

async function filesBelow(directory: string): Promise<string[]> {
  const shards = await readdir(directory);
  const lists = shards.map(async (shard) =>
    (await readdir(join(directory, shard))).map((name) => join(directory, shard, name)),
  );
  return (await Promise.all(lists)).flat();
}

async function hashOf(path: string, algorithm: string): Promise<string> {
  const hash = createHash(algorithm);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
