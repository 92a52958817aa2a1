import { createHash } from "node:crypto";
import { algorithmOf, type Digest, hexOf } from "../../oci/digest.ts";
import type { StoredBlob } from "../blob-store.ts";

/** A hash takes about 1 ms for this, so nobody waits longer for the event loop. */
export const stepBytes: number = 1024 * 1024;

/**
 * Whether the content of `blob` still is `digest`, by reading all of it. After each step `goesOn` is told its bytes and waited
 * for; resolves to null if it says no.
 */
export async function rehash(
  blob: StoredBlob,
  digest: Digest,
  goesOn: (bytes: number) => Promise<boolean> = async () => true,
): Promise<boolean | null> {
  const hash = createHash(algorithmOf(digest));
  const buffer = Buffer.allocUnsafeSlow(Math.min(stepBytes, blob.sizeBytes));
  let positionBytes = 0;
  for (;;) {
    const bytes = await blob.read(buffer, positionBytes);
    if (bytes === 0) return hash.digest("hex") === hexOf(digest);
    hash.update(buffer.subarray(0, bytes));
    positionBytes += bytes;
    if (!(await goesOn(bytes))) return null;
  }
}
