import { type Access, mostOf } from "./eviction.ts";
import type { RootRow, VictimQueries } from "./victim-queries.ts";

// What an image names is looked at when its turn is found and again when it goes, mostly right behind that.
const membersLimit = 200;

/** What images name, and when they were pulled by that. */
export class ImageMembers {
  readonly #queries: VictimQueries;
  /** By the manifest's number. */
  readonly #members = new Map<number, readonly RootRow[]>();
  /** By the manifest's number: the accesses of an image, its children's among them. */
  readonly #accesses = new Map<number, Access>();

  constructor(queries: VictimQueries) {
    this.#queries = queries;
  }

  /** What a manifest names, as far as it is stored. */
  of(manifestId: number): readonly RootRow[] {
    const known = this.#members.get(manifestId);
    if (known) return known;
    if (this.#members.size >= membersLimit) this.#members.clear();
    const members = this.#queries.members.all(manifestId);
    this.#members.set(manifestId, members);
    return members;
  }

  /** The same, of a manifest that goes: it is not asked again what it names. */
  takeOf(manifestId: number): readonly RootRow[] {
    const members = this.of(manifestId);
    this.#members.delete(manifestId);
    return members;
  }

  /** The same with the latest, and the most, of what was pulled of it: clients pull an index once and then its child. */
  asPulled(row: RootRow): RootRow {
    return { ...row, ...this.#accessOf(row) };
  }

  #accessOf(row: RootRow): Access {
    const { lastAtMs, pulls, priority, manifestId } = row;
    let access: Access = { lastAtMs, pulls, priority };
    if (manifestId === null) return access;
    const known = this.#accesses.get(manifestId);
    if (known) return known;
    for (const member of this.of(manifestId)) {
      if (member.manifestId !== null) access = mostOf(access, this.#accessOf(member));
    }
    this.#accesses.set(manifestId, access);
    return access;
  }
}
