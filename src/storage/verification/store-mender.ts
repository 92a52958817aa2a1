import { lstat } from "node:fs/promises";
import type { Digest } from "../../oci/digest.ts";
import { adoptedIdentity, type BlobRecord, type Catalog } from "../catalog.ts";
import type { DigestLocks } from "../digest-locks.ts";
import { blobFile, type Layout } from "../layout.ts";
import { codeOf } from "../storage-error.ts";

export interface MendingTools {
  readonly layout: Layout;
  readonly catalog: Catalog;
  readonly locks: DigestLocks;
}

/** Makes a file and its row agree, where they still do not when their lock is held; and says whether that is so. */
export class StoreMender {
  readonly #tools: MendingTools;

  constructor(tools: MendingTools) {
    this.#tools = tools;
  }

  /** Whether a file has no row, and what was done. What is adopted is granted to nobody, and hashed when it is opened. */
  async lacksRow(digest: Digest, then: "adopt" | "tell"): Promise<BlobRecord | null> {
    const { layout, catalog, locks } = this.#tools;
    // What is being evicted has no row any more, and its file goes under this lock.
    using _lock = await locks.hold(digest);
    // It may have come just now, with a row of its own, or be gone.
    if (await catalog.blob(digest)) return null;
    const sizeBytes = await sizeOfFile(blobFile(layout, digest));
    if (sizeBytes === null) return null;
    const record = { digest, sizeBytes, identity: adoptedIdentity };
    if (then === "adopt") await catalog.adoptBlob(record);
    return record;
  }

  /** Whether a row has no file. It is forgotten as it was read: what was recorded since stays. */
  async lacksFile(record: BlobRecord, then: "forget" | "tell"): Promise<boolean> {
    const { layout, catalog, locks } = this.#tools;
    const { digest, identity } = record;
    using _lock = await locks.hold(digest);
    if ((await catalog.blob(digest))?.identity !== identity) return false;
    if ((await sizeOfFile(blobFile(layout, digest))) !== null) return false;
    if (then === "forget") await catalog.forgetLost(record);
    return true;
  }
}

/** The size of a regular file in bytes, or null if none is there. */
async function sizeOfFile(path: string): Promise<number | null> {
  try {
    const status = await lstat(path);
    return status.isFile() ? status.size : null;
  } catch (error) {
    if (codeOf(error) === "ENOENT") return null;
    throw error;
  }
}
