import type Database from "better-sqlite3";
import { ImageGlob } from "../../oci/image-glob.ts";
import { imageName } from "../../oci/image-name.ts";
import type { Tag } from "../../oci/reference.ts";
import { type DigestKey, digestOfKey, idOf, noKey } from "../catalog/digest-key.ts";
import { rowPages } from "../catalog/row-pages.ts";
import type { Location } from "../catalog.ts";
import type { PurgePlan } from "./purge-plan.ts";

/** A tag or a grant that is to be forgotten. */
interface PurgedName extends Location {
  /** null for a grant. */
  readonly tag: Tag | null;
  readonly key: DigestKey;
}

const rowsPerRead = 5_000;

/** Which names patterns take from the catalog. */
export class PurgedNames {
  readonly #names: readonly PurgedName[];
  readonly #locations: ReadonlySet<string>;
  readonly #tags: ReadonlySet<string>;
  readonly unmatched: readonly string[];

  constructor(database: Database.Database, patterns: readonly string[]) {
    const globs = patterns.map((pattern) => ({ pattern, glob: ImageGlob.parse(pattern) }));
    const matched = new Set<string>();
    const isAsked = (name: string): boolean => {
      const found = globs.filter(({ glob }) => glob?.matches(name));
      for (const { pattern } of found) matched.add(pattern);
      return found.length > 0;
    };
    const names: PurgedName[] = [];
    const kept = new Set<string>();
    const tagged: PurgedName[] = [];
    for (const row of tagRows(database)) {
      const { tag } = row;
      // Who names a digest wants no tag of the repository to mean it any more.
      const names = [imageName(row, { kind: "tag", tag }), digestNameOf(row)];
      if (names.filter(isAsked).length > 0) tagged.push(row);
      else kept.add(rightOf(row));
    }
    // What a tag of the repository still means is still granted to it.
    const isKept = (row: PurgedName): boolean => kept.has(rightOf(row));
    const meant = new Set(tagged.map((row) => rightOf(row)));
    for (const row of grantRows(database)) {
      const isMeant = meant.has(rightOf(row)) && !isKept(row);
      if (isAsked(digestNameOf(row)) || isMeant) names.push(row);
    }
    this.#names = [...tagged, ...names];
    this.#locations = new Set(this.#names.map(textOf));
    this.#tags = new Set(tagged.map((row) => `${textOf(row)} ${row.tag}`));
    this.unmatched = patterns.filter((pattern) => !matched.has(pattern));
  }

  /** Of content that loses a name, each once. */
  get keys(): DigestKey[] {
    return [...new Map(this.#names.map(({ key }) => [idOf(key), key])).values()];
  }

  get tags(): PurgePlan["tags"] {
    const rows = this.#names.flatMap(({ upstream, repository, tag }) =>
      tag === null ? [] : [{ upstream, repository, tag }],
    );
    // A tag has a row for each of its variants.
    return [...new Map(rows.map((row) => [`${textOf(row)} ${row.tag}`, row])).values()];
  }

  get grants(): PurgePlan["grants"] {
    return this.#names.flatMap(({ upstream, repository, tag, key }) =>
      tag === null ? [{ upstream, repository, digest: digestOfKey(key) }] : [],
    );
  }

  hasTag(location: Location, tag: string): boolean {
    return this.#tags.has(`${textOf(location)} ${tag}`);
  }

  /** Whether the repository loses anything: then its right to what goes with that keeps nothing. */
  isAbout(location: Location): boolean {
    return this.#locations.has(textOf(location));
  }
}

function digestNameOf(row: PurgedName): string {
  return imageName(row, { kind: "digest", digest: digestOfKey(row.key) });
}

/** A repository and a digest. */
function rightOf(row: PurgedName): string {
  return `${textOf(row)} ${idOf(row.key)}`;
}

function textOf({ upstream, repository }: Location): string {
  return `${upstream} ${repository}`;
}

interface TagRow extends PurgedName {
  readonly tag: Tag;
  /** Of the repository. */
  readonly id: number;
  readonly variant: string;
}

function tagRows(database: Database.Database): Iterable<TagRow> {
  const read = database.prepare<[number, string, string, number], TagRow>(
    `SELECT upstream, name AS repository, id, tag, variant, digest AS key
     FROM tags CROSS JOIN repositories ON id = repository_id
     WHERE (repository_id, tag, variant) > (+?, +?, +?)
     ORDER BY repository_id, tag, variant LIMIT +?`,
  );
  return rowPages<TagRow>(rowsPerRead, (last, limit) =>
    read.all(last?.id ?? 0, last?.tag ?? "", last?.variant ?? "", limit),
  );
}

interface GrantRow extends PurgedName {
  readonly tag: null;
  /** Of the repository. */
  readonly id: number;
}

function grantRows(database: Database.Database): Iterable<GrantRow> {
  const read = database.prepare<[number, DigestKey, number], GrantRow>(
    `SELECT upstream, name AS repository, NULL AS tag, id, digest AS key
     FROM grants CROSS JOIN repositories ON id = repository_id
     WHERE (repository_id, digest) > (+?, +?) ORDER BY repository_id, digest LIMIT +?`,
  );
  return rowPages<GrantRow>(rowsPerRead, (last, limit) =>
    read.all(last?.id ?? 0, last?.key ?? noKey, limit),
  );
}
