import type { Digest } from "../../oci/digest.ts";
import type { BlobStore } from "../blob-store.ts";
import type { BlobRecord } from "../catalog.ts";
import type { DiskBudget } from "../disk-budget.ts";
import { allocatedBytes } from "../eviction/eviction.ts";
import { blobFile } from "../layout.ts";
import { isSystemError } from "../storage-error.ts";
import type { Pace } from "./pace.ts";
import { rehash } from "./rehash.ts";
import { type MendingTools, StoreMender } from "./store-mender.ts";
import { type StoreEntry, StoreWalk } from "./store-walk.ts";

export const findingKinds = [
  "wrong-bytes",
  "wrong-size",
  "without-file",
  "without-row",
  "unreadable",
  "foreign",
] as const;

/** Something in the storage directory that is not as it should be. */
export interface Finding {
  /**
   * The file is not what its digest says; is not as long as its row says; a row without file; a file without row; what
   * cannot be read; what is none of ours, which does no harm.
   */
  readonly kind: (typeof findingKinds)[number];
  /** null where the path says it all. */
  readonly digest: Digest | null;
  readonly path: string;
  readonly reason: string;
  readonly deed: "quarantined" | "forgotten" | "adopted" | "none";
}

/** Counts of content; in bytes as the catalog has them. */
export interface VerifyProgress {
  readonly checkedBlobs: number;
  readonly checkedBytes: number;
  /** What is stored now. */
  readonly totalBlobs: number;
  readonly totalBytes: number;
}

export interface VerificationTools extends MendingTools {
  readonly store: BlobStore;
  readonly budget: Pick<DiskBudget, "leaving">;
  /** Called for each digest that is stored no more. */
  readonly onRemoved: (digest: Digest) => void;
}

export interface VerificationOrder {
  /** Whether what is found is mended, or only told. */
  readonly aim: "mend" | "tell";
  readonly pace: Pick<Pace, "spend">;
  /** Begin behind this digest; null: with the first one. */
  readonly after: Digest | null;
  /** Told of each blob that was checked, in order of the digests, and waited for. */
  readonly onChecked?: (record: BlobRecord) => Promise<void>;
}

/**
 * Reads all that is stored and compares it with its digests and rows, while pulls, fills and evictions go on. What looks wrong
 * is looked at again under its lock, so that nothing is taken for damage that is only on its way.
 */
export class Verification {
  readonly #tools: VerificationTools;
  readonly #order: VerificationOrder;
  readonly #mender: StoreMender;
  #checkedBlobs = 0;
  #checkedBytes = 0;

  constructor(tools: VerificationTools, order: VerificationOrder) {
    this.#tools = tools;
    this.#order = order;
    this.#mender = new StoreMender(tools);
  }

  async progress(): Promise<VerifyProgress> {
    const { blobs, bytes } = await this.#tools.catalog.usage();
    return {
      checkedBlobs: this.#checkedBlobs,
      checkedBytes: this.#checkedBytes,
      // What went while it was being checked counts nowhere else.
      totalBlobs: Math.max(blobs, this.#checkedBlobs),
      totalBytes: Math.max(bytes, this.#checkedBytes),
    };
  }

  /** What is wrong, as it is found. Rejects if the catalog fails, and when `signal` is aborted. Once. */
  async *run(signal: AbortSignal): AsyncGenerator<Finding> {
    const { layout, catalog } = this.#tools;
    for await (const batch of new StoreWalk(layout, catalog).entries(this.#order.after, signal)) {
      for (const entry of batch) {
        const finding = await this.#check(entry, signal);
        if (finding) yield finding;
      }
    }
  }

  async #check(entry: StoreEntry, signal: AbortSignal): Promise<Finding | null> {
    switch (entry.kind) {
      case "stored":
        return await this.#checkContent(entry.record, signal);
      case "without-file":
        return await this.#checkLost(entry.record);
      case "without-row":
        return await this.#checkUnknown(entry.digest, signal);
      case "foreign":
        return told("foreign", entry.path, "is none of sluice's");
      case "unreadable":
        return told("unreadable", entry.path, entry.reason);
    }
  }

  async #checkLost(record: BlobRecord): Promise<Finding | null> {
    const isMended = this.#order.aim === "mend";
    if (!(await this.#mender.lacksFile(record, isMended ? "forget" : "tell"))) return null;
    if (isMended) this.#tools.onRemoved(record.digest);
    const reason = "the catalog has it, but there is no file";
    return this.#finding("without-file", record, { reason, deed: isMended ? "forgotten" : "none" });
  }

  /** What the catalog does not know is adopted, and then is content like other content. */
  async #checkUnknown(digest: Digest, signal: AbortSignal): Promise<Finding | null> {
    const isMended = this.#order.aim === "mend";
    const record = await this.#mender.lacksRow(digest, isMended ? "adopt" : "tell");
    if (!record) return null;
    const wrong = isMended ? await this.#checkContent(record, signal) : null;
    const reason = "the catalog does not know it";
    const deed = isMended ? "adopted" : "none";
    return wrong ?? this.#finding("without-row", record, { reason, deed });
  }

  async #checkContent(record: BlobRecord, signal: AbortSignal): Promise<Finding | null> {
    const damage = await this.#damageOf(record, signal);
    this.#checkedBlobs += 1;
    const finding = damage && (await this.#judge(record, damage));
    await this.#order.onChecked?.(record);
    return finding;
  }

  async #damageOf(record: BlobRecord, signal: AbortSignal): Promise<Damage | null> {
    const { digest } = record;
    try {
      await using blob = await this.#tools.store.open(digest);
      // It is evicted just now, or the next walk finds it without a file.
      if (!blob) return null;
      const { identity, sizeBytes } = blob;
      if (sizeBytes !== record.sizeBytes) {
        const reason = `it has ${sizeBytes} bytes, but should have ${record.sizeBytes}`;
        return { kind: "wrong-size", identity, reason };
      }
      const isRight = await rehash(blob, digest, (bytes) => this.#goesOn(bytes, record, signal));
      if (isRight === false) {
        return { kind: "wrong-bytes", identity, reason: "its bytes do not have its digest" };
      }
      if (isRight) await this.#confirm(record, identity);
      return null;
    } catch (error) {
      if (!isSystemError(error)) throw error;
      return { kind: "unreadable", identity: null, reason: error.message };
    }
  }

  /** Not with content that was evicted or replaced meanwhile: as long as it is open it takes its space. */
  async #goesOn(bytes: number, record: BlobRecord, signal: AbortSignal): Promise<boolean> {
    this.#checkedBytes += bytes;
    await this.#order.pace.spend(bytes, signal);
    return await this.#isRecorded(record);
  }

  /** Somebody touched the file, or it was adopted: its next reader need not hash it again. */
  async #confirm({ digest, identity: before }: BlobRecord, identity: string): Promise<void> {
    if (identity === before || this.#order.aim === "tell") return;
    await this.#tools.catalog.recordIdentity(digest, identity);
  }

  /** Whether the damage still is there, and what was done about it. */
  async #judge(record: BlobRecord, { kind, identity, reason }: Damage): Promise<Finding | null> {
    const { store, locks } = this.#tools;
    using _lock = await locks.hold(record.digest);
    if (!(await this.#isRecorded(record))) return null;
    if (identity === null) return this.#finding(kind, record, { reason, deed: "none" });
    {
      await using blob = await store.open(record.digest);
      if (blob?.identity !== identity) return null;
    }
    const isMended = this.#order.aim === "mend";
    if (isMended) await this.#setAside(record);
    return this.#finding(kind, record, { reason, deed: isMended ? "quarantined" : "none" });
  }

  /** Whoever reads it reads on; the next pull gets it from upstream. */
  async #setAside(record: BlobRecord): Promise<void> {
    const { store, catalog, budget, onRemoved } = this.#tools;
    // Between the row and its file nothing else counts it.
    using _leaving = budget.leaving(allocatedBytes(record.sizeBytes));
    await catalog.forgetLost(record);
    onRemoved(record.digest);
    await store.quarantine(record.digest);
  }

  async #isRecorded({ digest, identity }: BlobRecord): Promise<boolean> {
    return (await this.#tools.catalog.blob(digest))?.identity === identity;
  }

  #finding(
    kind: Finding["kind"],
    { digest }: BlobRecord,
    rest: Pick<Finding, "reason" | "deed">,
  ): Finding {
    return { kind, digest, path: blobFile(this.#tools.layout, digest), ...rest };
  }
}

/** What a file was when it was read, or could not be. */
interface Damage {
  readonly kind: "wrong-bytes" | "wrong-size" | "unreadable";
  /** null where it could not be read. */
  readonly identity: string | null;
  readonly reason: string;
}

function told(kind: "foreign" | "unreadable", path: string, reason: string): Finding {
  return { kind, digest: null, path, reason, deed: "none" };
}
