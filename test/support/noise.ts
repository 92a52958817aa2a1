import { createCipheriv, createHash } from "node:crypto";

/**
 * Bytes that look random, do not compress, and are the same for the same `seed` on every machine: the key
 * stream of AES-128-CTR, which comes at about a gigabyte a second.
 */
export function noise(seed: string, sizeBytes: number): Buffer {
  const key = createHash("sha256").update(seed).digest().subarray(0, 16);
  return createCipheriv("aes-128-ctr", key, Buffer.alloc(16)).update(Buffer.alloc(sizeBytes));
}
