import type Database from "better-sqlite3";
import { VictimSearch } from "./choose-victims.ts";
import type { PurgePlan } from "./purge-plan.ts";
import { PurgedNames } from "./purged-names.ts";
import { namesOf } from "./victim-names.ts";
import { type VictimQueries, victimQueries } from "./victim-queries.ts";

/** Finds what goes when images are purged: the names that patterns match, and content that has no other. */
export function choosePurged(database: Database.Database, patterns: readonly string[]): PurgePlan {
  const purged = new PurgedNames(database, patterns);
  const queries = victimQueries(database);
  const search = new VictimSearch(withoutNames(queries, purged), everything, "by any name");
  const rows = purged.keys.flatMap((key) => queries.blob.get(key) ?? []);
  const { victims, freedBytes } = search.takeAll(rows);
  const named = victims.map((victim) => ({ ...victim, names: namesOf(queries, victim.root) }));
  const { tags, grants, unmatched } = purged;
  return { tags, grants, victims: named, freedBytes, unmatched };
}

/** Nothing but what is named is looked for. */
const everything = {
  freeBytes: 0,
  idleSinceMs: null,
  pins: [],
  limit: Number.POSITIVE_INFINITY,
  rest: "left",
  named: false,
  arriving: { digests: [], pulledSinceMs: 0 },
} as const;

/** The catalog as it is when the names are forgotten. */
function withoutNames(queries: VictimQueries, purged: PurgedNames): VictimQueries {
  return {
    ...queries,
    tagsOf: {
      all: (key) => queries.tagsOf.all(key).filter((row) => !purged.hasTag(row, row.tag)),
    },
    grantsOf: { all: (key) => queries.grantsOf.all(key).filter((row) => !purged.isAbout(row)) },
  };
}
