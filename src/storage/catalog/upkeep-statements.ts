import type Database from "better-sqlite3";
import type { ScrubRound } from "../catalog.ts";
import type { PinRecord } from "../eviction/pins.ts";
import { TrafficStatements } from "../statistics/traffic-statements.ts";
import { type DigestKey, keyOf } from "./digest-key.ts";
import type { UpkeepWrite } from "./writing/catalog-write.ts";

/** The look-ups of what the catalog keeps beside content: pins, and how far the scrubber is. */
export interface UpkeepReads {
  readonly pins: Database.Statement<[], PinRecord>;
  readonly scrubRound: Database.Statement<
    [],
    { beganAtMs: number; checkedTo: DigestKey | null; isOver: 0 | 1 }
  >;
}

export function upkeepReads(database: Database.Database): UpkeepReads {
  return {
    pins: database.prepare("SELECT pattern, pinned_at_ms AS pinnedAtMs FROM pins ORDER BY pattern"),
    scrubRound: database.prepare(
      "SELECT began_at_ms AS beganAtMs, checked_to AS checkedTo, is_over AS isOver FROM scrub_round",
    ),
  };
}

/** What its writes mean in SQL. */
export class UpkeepStatements {
  readonly #putPin: Database.Statement<[string, number]>;
  readonly #dropPin: Database.Statement<[string]>;
  readonly #traffic: TrafficStatements;
  readonly #putRound: Database.Statement<[number, DigestKey | null, 0 | 1]>;

  constructor(database: Database.Database) {
    this.#putPin = database.prepare(
      "INSERT INTO pins (pattern, pinned_at_ms) VALUES (?, ?) ON CONFLICT DO NOTHING",
    );
    this.#dropPin = database.prepare("DELETE FROM pins WHERE pattern = ?");
    this.#traffic = new TrafficStatements(database);
    this.#putRound = database.prepare(
      `INSERT INTO scrub_round (id, began_at_ms, checked_to, is_over) VALUES (1, ?, ?, ?)
       ON CONFLICT DO UPDATE SET began_at_ms = excluded.began_at_ms,
         checked_to = excluded.checked_to, is_over = excluded.is_over`,
    );
  }

  apply(write: UpkeepWrite): void {
    switch (write.kind) {
      case "record-pins":
        for (const { pattern, pinnedAtMs } of write.pins) this.#putPin.run(pattern, pinnedAtMs);
        break;
      case "forget-pins":
        for (const pattern of write.patterns) this.#dropPin.run(pattern);
        break;
      case "record-scrub-round":
        this.#recordRound(write.round);
        break;
      case "record-traffic":
        this.#traffic.record(write.record);
    }
  }

  #recordRound({ beganAtMs, checkedTo, isOver }: ScrubRound): void {
    this.#putRound.run(beganAtMs, checkedTo && keyOf(checkedTo), isOver ? 1 : 0);
  }
}
