import type { Hash } from "node:crypto";
import type { Digest } from "../../oci/digest.ts";
import type { Ingest, ReadableBytes } from "../../storage/blob-store.ts";
import type { Room } from "../../storage/disk-budget.ts";
import type { Batch } from "../../upstream/exchange/batch.ts";
import type { Rooms } from "../eviction/rooms.ts";
import { orNull, type StorageTools } from "../storage-tools.ts";
import type { LentMemory } from "./lent-memory.ts";
import { RecentBytes } from "./recent-bytes.ts";

// How much room content of unknown length takes at a time.
const growthBytes = 16 * 1024 * 1024;

export interface IntakeTools extends Pick<StorageTools, "store" | "log"> {
  /** Where room is taken; asked each time, for it depends on who joins. */
  readonly rooms: () => Rooms;
  /** What of it readers may hold. */
  readonly readerMemory: LentMemory;
}

/** Why there is no intake. */
export type NoIntake = "no room is left" | "the store failed";

/** One blob on its way into the store: its ingest, the room that it takes, and what of it is still in memory. */
export class Intake implements ReadableBytes, AsyncDisposable {
  readonly #tools: IntakeTools;
  readonly #ingest: Ingest;
  readonly #recent: RecentBytes;
  // Held until the content has its row or is let go: readers of what was not stored keep its bytes on the disk.
  readonly #room: Room;

  private constructor(tools: IntakeTools, ingest: Ingest, room: Room) {
    this.#tools = tools;
    this.#recent = new RecentBytes(tools.readerMemory);
    this.#ingest = ingest;
    this.#room = room;
  }

  /** `sizeBytes` is null where it is not known. */
  static async open(
    tools: IntakeTools,
    digest: Digest,
    sizeBytes: number | null,
  ): Promise<Intake | NoIntake> {
    const { store, rooms, log } = tools;
    const room = await orNull(log, () => rooms().reserve(sizeBytes ?? growthBytes));
    if (!room) return "no room is left";
    const ingest = await orNull(log, () => store.ingest(digest, sizeBytes));
    if (ingest) return new Intake(tools, ingest, room);
    room[Symbol.dispose]();
    return "the store failed";
  }

  /** Bytes stored, and so readable, until now. */
  get writtenBytes(): number {
    return this.#ingest.writtenBytes;
  }

  /** Stores the batch, which is its own from now on; resolves to false if the store takes no more. */
  async take(batch: Batch): Promise<boolean> {
    const startBytes = this.#ingest.writtenBytes;
    const stored = await orNull(this.#tools.log, () => this.#append(batch));
    if (stored) this.#recent.put(batch, startBytes);
    return stored === true;
  }

  /** As `RecentBytes.lend`. */
  lend(positionBytes: number, limitBytes: number): Batch | null {
    return this.#recent.lend(positionBytes, limitBytes);
  }

  async read(target: Uint8Array, positionBytes: number): Promise<number> {
    const readBytes = this.#recent.copy(target, positionBytes);
    return readBytes > 0 ? readBytes : await this.#ingest.read(target, positionBytes);
  }

  /** As `Ingest.hashCopy`. */
  hashCopy(): Promise<Hash> {
    return this.#ingest.hashCopy();
  }

  /** As `Ingest.verify`. */
  verify(): Promise<void> {
    return this.#ingest.verify();
  }

  /** As `Ingest.commit`. */
  commit(): Promise<string> {
    return this.#ingest.commit();
  }

  /** Nothing more comes: what is still in memory is let go. */
  end(): void {
    this.#recent[Symbol.dispose]();
  }

  /** The content has its row, which counts from now on. */
  giveRoomBack(): void {
    this.#room[Symbol.dispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.end();
    await this.#ingest[Symbol.asyncDispose]();
    this.giveRoomBack();
  }

  async #append(batch: Batch): Promise<boolean> {
    const { rooms } = this.#tools;
    const neededBytes = this.#ingest.writtenBytes + batch.sizeBytes;
    const fits =
      neededBytes <= this.#room.sizeBytes ||
      (await rooms().grow(this.#room, neededBytes + growthBytes));
    if (fits) await this.#ingest.append(batch.chunks);
    return fits;
  }
}
