import type { DiskBudget, Room } from "../../storage/disk-budget.ts";
import { waitFor } from "../../telemetry/waits.ts";

/** Makes room by throwing something away. */
export interface RoomMaker {
  /** Resolves to true when `bytes` may fit now, and to false if they cannot be made to in a time that clients wait. */
  makeRoom(bytes: number): Promise<boolean>;
}

// Somebody who has just come may take the room that was made for another.
const attempts = 3;

/** Room for content: what there is, or what can be made by evicting. */
export class Rooms {
  /** The same without evicting: for what is not worth it. */
  readonly free: Rooms;
  readonly #budget: DiskBudget;
  readonly #maker: RoomMaker | null;
  readonly #isClosed: () => boolean;

  /** There is none for anything new while `isClosed`, whatever the budget. */
  constructor(budget: DiskBudget, maker: RoomMaker | null, isClosed: () => boolean) {
    this.#budget = budget;
    this.#maker = maker;
    this.#isClosed = isClosed;
    this.free = maker ? new Rooms(budget, null, isClosed) : this;
  }

  /** For a `reserve` that follows in a moment: it waits less then. */
  prepare(): void {
    this.#budget.prepare();
  }

  /** Room for `sizeBytes`, or null if none can be made. */
  async reserve(sizeBytes: number): Promise<Room | null> {
    if (this.#isClosed()) return null;
    const reserve = (): Promise<Room | null> => this.#budget.reserve(sizeBytes);
    return await this.#withRoom(sizeBytes, reserve);
  }

  /** Enlarges `room` to `sizeBytes`; resolves to false if that cannot be. */
  async grow(room: Room, sizeBytes: number): Promise<boolean> {
    const grown = await this.#withRoom(sizeBytes - room.sizeBytes, async () =>
      (await room.grow(sizeBytes)) ? room : null,
    );
    return grown !== null;
  }

  async #withRoom(bytes: number, take: () => Promise<Room | null>): Promise<Room | null> {
    let room = await take();
    for (let attempt = 0; !room && this.#maker && attempt < attempts; attempt++) {
      const maker = this.#maker;
      if (!(await waitFor("room", () => maker.makeRoom(bytes)))) return await take();
      room = await take();
    }
    return room;
  }
}
