import { join } from "node:path";
import { type Digest, type DigestAlgorithm, hexOf, parseDigest } from "../../oci/digest.ts";
import type { Layout } from "../layout.ts";

/** The blobs whose digests begin alike, which lie in one directory. */
export interface Shard {
  readonly algorithm: DigestAlgorithm;
  /** The first two digits. */
  readonly prefix: string;
  /** Need not be there. */
  readonly directory: string;
}

/** All shards, in the order of their digests. */
export function shardsOf(layout: Layout): Shard[] {
  return (["sha256", "sha512"] as const).flatMap((algorithm) =>
    Array.from({ length: 256 }, (_, at) => {
      const prefix = at.toString(16).padStart(2, "0");
      return { algorithm, prefix, directory: join(layout.blobs, algorithm, prefix) };
    }),
  );
}

/** Which blob a file of this name holds in the shard; null if none does. */
export function digestIn(shard: Shard, name: string): Digest | null {
  return name.startsWith(shard.prefix) ? parseDigest(`${shard.algorithm}:${name}`) : null;
}

export function isIn(shard: Shard, digest: Digest): boolean {
  return digest.startsWith(`${shard.algorithm}:`) && hexOf(digest).startsWith(shard.prefix);
}

/** The greatest digest that any shard before `shards[at]` can hold; null before the first one. */
export function lastBefore(shards: readonly Shard[], at: number): Digest | null {
  const before = shards[at - 1];
  if (!before) return null;
  const { algorithm, prefix } = before;
  return parseDigest(`${algorithm}:${prefix.padEnd(hexDigits[algorithm], "f")}`);
}

const hexDigits: Readonly<Record<DigestAlgorithm, number>> = { sha256: 64, sha512: 128 };
