import { type MendingTools, StoreMender } from "./store-mender.ts";
import { type StoreEntry, StoreWalk } from "./store-walk.ts";

/** What a scan of the store has found and done. */
export interface ScanCounts {
  /** Files under a digest. */
  files: number;
  /** Those of them that the catalog did not know. */
  adopted: number;
  /** Rows without a file. */
  forgotten: number;
  /** What is none of ours, or cannot be looked at: left alone. */
  foreign: number;
  /** The paths of the first of those. */
  readonly firstForeign: string[];
}

// What a person may want to read; the count says how many more there are.
const namedForeign = 5;

/**
 * Makes the catalog agree with the files, shard by shard, while pulls go on: files that it does not know are adopted,
 * without a grant to anybody; rows without their file are forgotten. What is recorded meanwhile stays as it is.
 */
export class StoreScan {
  readonly #tools: MendingTools;
  readonly #mender: StoreMender;
  readonly #counts: ScanCounts = {
    files: 0,
    adopted: 0,
    forgotten: 0,
    foreign: 0,
    firstForeign: [],
  };

  constructor(tools: MendingTools) {
    this.#tools = tools;
    this.#mender = new StoreMender(tools);
  }

  /** Rejects if the catalog fails, and when `signal` is aborted. Once for each scan. */
  async run(signal: AbortSignal): Promise<ScanCounts> {
    const { layout, catalog } = this.#tools;
    for await (const batch of new StoreWalk(layout, catalog).entries(null, signal)) {
      await Promise.all(batch.map((entry) => this.#mend(entry)));
    }
    return this.#counts;
  }

  async #mend(entry: StoreEntry): Promise<void> {
    switch (entry.kind) {
      case "stored":
        this.#counts.files += 1;
        break;
      case "without-row":
        this.#counts.files += 1;
        if (await this.#mender.lacksRow(entry.digest, "adopt")) this.#counts.adopted += 1;
        break;
      case "without-file":
        if (await this.#mender.lacksFile(entry.record, "forget")) this.#counts.forgotten += 1;
        break;
      case "foreign":
      case "unreadable":
        this.#counts.foreign += 1;
        if (this.#counts.firstForeign.length < namedForeign) {
          this.#counts.firstForeign.push(entry.path);
        }
    }
  }
}
