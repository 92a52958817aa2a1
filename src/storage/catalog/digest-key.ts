import { algorithmOf, type Digest, hexOf } from "../../oci/digest.ts";

/**
 * A digest as the catalog keeps it: a byte for the algorithm, then the hash. Less than half of its text, which a
 * catalog of a million blobs repeats millions of times; and in the same order.
 */
export type DigestKey = Buffer & { readonly brand: "digest key" };

const sha256 = 1;
const sha512 = 2;

/** Is before all keys. */
export const noKey: DigestKey = Buffer.alloc(0) as Buffer as DigestKey;

export function keyOf(digest: Digest): DigestKey {
  const hex = hexOf(digest);
  const key = Buffer.allocUnsafe(1 + hex.length / 2);
  key[0] = algorithmOf(digest) === "sha256" ? sha256 : sha512;
  key.write(hex, 1, "hex");
  return key as DigestKey;
}

export function digestOfKey(key: DigestKey): Digest {
  const algorithm = key[0] === sha256 ? "sha256" : "sha512";
  return `${algorithm}:${key.toString("hex", 1)}` as Digest;
}

/**
 * The SQL that makes the text of such a column: in a walk, a text for each row is less work than a buffer, which has memory
 * outside of V8's heap.
 */
export function digestIn(column: string): string {
  return `iif(substr(${column}, 1, 1) = x'01', 'sha256:', 'sha512:') || lower(substr(hex(${column}), 3))`;
}

/** The same as text, which tables can have for a key. */
export function idOf(key: DigestKey): string {
  return key.toString("latin1");
}

export function digestsOf(rows: readonly { readonly digest: DigestKey }[]): Digest[] {
  return rows.map(({ digest }) => digestOfKey(digest));
}
