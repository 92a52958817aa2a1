import type Database from "better-sqlite3";
import type { ScrubRound } from "./catalog.ts";
import { type DigestKey, keyOf } from "./digest-key.ts";

export interface ScrubReads {
  readonly scrubRound: Database.Statement<
    [],
    { beganAtMs: number; checkedTo: DigestKey | null; isOver: 0 | 1 }
  >;
}

export function scrubReads(database: Database.Database): ScrubReads {
  return {
    scrubRound: database.prepare(
      "SELECT began_at_ms AS beganAtMs, checked_to AS checkedTo, is_over AS isOver FROM scrub_round",
    ),
  };
}

/** The writes of how far the scrubber is. */
export class ScrubStatements {
  readonly #put: Database.Statement<[number, DigestKey | null, 0 | 1]>;

  constructor(database: Database.Database) {
    this.#put = database.prepare(
      `INSERT INTO scrub_round (id, began_at_ms, checked_to, is_over) VALUES (1, ?, ?, ?)
       ON CONFLICT DO UPDATE SET began_at_ms = excluded.began_at_ms,
         checked_to = excluded.checked_to, is_over = excluded.is_over`,
    );
  }

  record({ beganAtMs, checkedTo, isOver }: ScrubRound): void {
    this.#put.run(beganAtMs, checkedTo && keyOf(checkedTo), isOver ? 1 : 0);
  }
}
