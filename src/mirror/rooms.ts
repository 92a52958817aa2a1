import type { DiskBudget, Room } from "../storage/disk-budget.ts";

/** Makes room by throwing something away. */
export interface RoomMaker {
  /** Resolves when `bytes` may fit now, or cannot be made to. */
  makeRoom(bytes: number): Promise<void>;
}

/** Room for content: what there is, or what can be made by evicting. */
export class Rooms {
  /** The same without evicting: for what is not worth it. */
  readonly free: Rooms;
  readonly #budget: DiskBudget;
  readonly #maker: RoomMaker | null;

  constructor(budget: DiskBudget, maker: RoomMaker | null) {
    this.#budget = budget;
    this.#maker = maker;
    this.free = maker ? new Rooms(budget, null) : this;
  }

  /** Room for `sizeBytes`, or null if none can be made. */
  async reserve(sizeBytes: number): Promise<Room | null> {
    const room = await this.#budget.reserve(sizeBytes);
    if (room) return room;
    if (!this.#maker) return null;
    await this.#maker.makeRoom(sizeBytes);
    return await this.#budget.reserve(sizeBytes);
  }

  /** Enlarges `room` to `sizeBytes`; resolves to false if that cannot be. */
  async grow(room: Room, sizeBytes: number): Promise<boolean> {
    if (await room.grow(sizeBytes)) return true;
    if (!this.#maker) return false;
    await this.#maker.makeRoom(sizeBytes - room.sizeBytes);
    return await room.grow(sizeBytes);
  }
}
