import type Database from "better-sqlite3";
import { imageName } from "../../oci/image-name.ts";
import type { Tag } from "../../oci/reference.ts";
import { type DigestKey, digestOfKey } from "../catalog/digest-key.ts";
import type { TagMove } from "../catalog.ts";

/** A move of any tag. */
export interface NamedMove extends TagMove {
  /** In full, `docker.io/library/alpine:latest`. */
  readonly name: string;
}

interface Row {
  readonly upstream: string;
  readonly repository: string;
  readonly tag: Tag;
  readonly atMs: number;
  readonly moved_from: DigestKey;
  readonly moved_to: DigestKey;
}

/** The last `limit` moves of all tags, the latest first. That a tag was seen for the first time is none. */
export function latestMoves(database: Database.Database, limit: number): readonly NamedMove[] {
  const rows = database
    .prepare<[number], Row>(
      `SELECT upstream, name AS repository, tag, at_ms AS atMs, moved_from, moved_to
       FROM tag_moves CROSS JOIN repositories ON repositories.id = repository_id
       WHERE moved_from IS NOT NULL ORDER BY tag_moves.id DESC LIMIT +?`,
    )
    .all(limit);
  return rows.map(({ upstream, repository, tag, atMs, moved_from, moved_to }) => ({
    name: imageName({ upstream, repository }, { kind: "tag", tag }),
    atMs,
    from: digestOfKey(moved_from),
    to: digestOfKey(moved_to),
  }));
}
