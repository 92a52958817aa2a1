import type Database from "better-sqlite3";
import type { Tag } from "../../../oci/reference.ts";
import type { Location, TagRecord } from "../../catalog.ts";
import { type DigestKey, keyOf } from "../digest-key.ts";
import { namesOf } from "../location-in-sql.ts";

/** How many moves of tags are kept; older ones go. */
export interface TagMoveBounds {
  readonly ofOneTag: number;
  readonly inAll: number;
}

// A tag that moves with every build has some days of history, and all of them some 15 MB.
const usualBounds: TagMoveBounds = { ofOneTag: 100, inAll: 100_000 };

interface LastKnown {
  readonly repository: number;
  /** null for a tag that was never seen. */
  readonly key: DigestKey | null;
}

/** The writes of the history of tags. */
export class TagMoveStatements {
  readonly #bounds: TagMoveBounds;
  /** By upstream, repository, and twice the tag. */
  readonly #lastKnown: Database.Statement<[string, string, string, string], LastKnown>;
  readonly #add: Database.Statement<[number, string, number, DigestKey | null, DigestKey]>;
  readonly #dropOldOfTag: Database.Statement<[number, string, number, string, number]>;
  readonly #dropOldest: Database.Statement<[number]>;

  constructor(database: Database.Database, bounds: TagMoveBounds = usualBounds) {
    this.#bounds = bounds;
    // What was known before there was a history is no move.
    this.#lastKnown = database.prepare(
      `SELECT id AS repository, coalesce(
         (SELECT moved_to FROM tag_moves
          WHERE repository_id = repositories.id AND tag = +? ORDER BY id DESC LIMIT 1),
         (SELECT digest FROM tags
          WHERE repository_id = repositories.id AND tag = +? AND variant = '')) AS key
       FROM repositories WHERE upstream = +? AND name = +?`,
    );
    this.#add = database.prepare(
      `INSERT INTO tag_moves (repository_id, tag, at_ms, moved_from, moved_to)
       VALUES (?, ?, ?, ?, ?)`,
    );
    this.#dropOldOfTag = database.prepare(
      `DELETE FROM tag_moves WHERE repository_id = +? AND tag = +? AND id <=
         (SELECT id FROM tag_moves WHERE repository_id = +? AND tag = +?
          ORDER BY id DESC LIMIT 1 OFFSET +?)`,
    );
    this.#dropOldest = database.prepare(
      `DELETE FROM tag_moves WHERE id IN (
         SELECT id FROM tag_moves ORDER BY id
         LIMIT max(0, (SELECT tag_moves FROM totals) - ?))`,
    );
  }

  /** To be called before the tag is recorded; its repository must be. */
  note(location: Location, tag: Tag, { digest, checkedAtMs }: TagRecord): void {
    const key = keyOf(digest);
    const last = this.#lastKnown.get(tag, tag, ...namesOf(location));
    if (!last || last.key?.equals(key)) return;
    const { repository } = last;
    this.#add.run(repository, tag, checkedAtMs, last.key, key);
    this.#dropOldOfTag.run(repository, tag, repository, tag, this.#bounds.ofOneTag);
    this.#dropOldest.run(this.#bounds.inAll);
  }
}
