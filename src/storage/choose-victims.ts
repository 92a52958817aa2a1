import type Database from "better-sqlite3";
import { ImageGlob } from "../oci/image-glob.ts";
import { DeferredRoots, goesBefore } from "./deferred-roots.ts";
import { type DigestKey, digestOfKey, keyOf } from "./digest-key.ts";
import {
  type Access,
  allocatedBytes,
  type EvictionPlan,
  mostOf,
  type StoredObject,
  type Victim,
  type VictimRequest,
} from "./eviction.ts";
import { PlanDraft } from "./plan-draft.ts";
import { principalIn, tagAbout } from "./tag-about.ts";
import { namesOf } from "./victim-names.ts";
import { type RootRow, type VictimQueries, victimQueries } from "./victim-queries.ts";

/**
 * Finds what goes next, as the catalog is now: first what is idle, then roots in the order of their priority until
 * enough would be free. Reads page by page, so that no read transaction is long.
 */
export function chooseVictims(database: Database.Database, request: VictimRequest): EvictionPlan {
  return new VictimSearch(victimQueries(database), request, "by tags").run();
}

// How far is looked for what a manifest waits for. Real ones wait for an image and its index.
const waitsLimit = 1000;

// What an image names is looked at when its turn is found and again when it goes, mostly right behind that.
const membersLimit = 200;

/** What goes with a root, and what it shares with what stays, by the id of its key. */
interface Removal {
  readonly freed: StoredObject[];
  readonly kept: Map<string, { readonly sizeBytes: number; readonly namedBy: number }>;
  latestAtMs: number;
}

/** Goes through the catalog, and notes what goes with what. */
export class VictimSearch {
  readonly #queries: VictimQueries;
  readonly #request: VictimRequest;
  /** What keeps a manifest that nothing stored needs any more. */
  readonly #held: "by tags" | "by any name";
  readonly #pins: readonly ImageGlob[];
  /** Ids of the keys that go already. */
  readonly #gone = new Set<string>();
  /** How many stored manifests that stay name a digest; those that no victim names are not in it. */
  readonly #namedBy = new Map<string, number>();
  readonly #deferred = new DeferredRoots();
  /** By the manifest's number: the accesses of an image, its children's among them. */
  readonly #accesses = new Map<number, Access>();
  /** By the manifest's number. */
  readonly #members = new Map<number, readonly RootRow[]>();
  /** Ids of what is on its way into the store. */
  readonly #arriving: ReadonlySet<string>;
  readonly #draft: PlanDraft;

  constructor(queries: VictimQueries, request: VictimRequest, held: "by tags" | "by any name") {
    this.#queries = queries;
    this.#request = request;
    this.#held = held;
    this.#pins = request.pins.flatMap((pin) => ImageGlob.parse(pin) ?? []);
    this.#arriving = new Set(request.arriving.digests.map((digest) => idOf(keyOf(digest))));
    this.#draft = new PlanDraft(request);
  }

  run(): EvictionPlan {
    this.#takeIdle();
    this.#takeUntilFree();
    return this.#draft.plan();
  }

  /** Takes of these what nothing needs that stays, and nothing names. */
  takeAll(rows: readonly RootRow[]): EvictionPlan {
    let open = rows;
    for (;;) {
      // What is named by others of them goes with those, or may go when they are gone.
      const before = open.length;
      open = open.filter((row) => {
        const isNeeded = this.#namedByOf(row) > 0 || this.#isHeld(row.key);
        const isGone = this.#gone.has(idOf(row.key));
        if (!isNeeded && !isGone) this.#take(this.#asPulled(row), "purge");
        return isNeeded && !isGone;
      });
      if (open.length === before || open.length === 0) return this.#draft.plan();
    }
  }

  #takeIdle(): void {
    const { idleSinceMs } = this.#request;
    if (idleSinceMs === null) return;
    for (const row of this.#queries.byTime()) {
      if (row.lastAtMs >= idleSinceMs || this.#draft.isFull) return;
      const whole = this.#asPulled(row);
      if (whole.lastAtMs < idleSinceMs) this.#consider(whole, "idle");
    }
  }

  #takeUntilFree(): void {
    if (this.#draft.isDone) return;
    for (const row of this.#inOrder()) {
      this.#consider(row, "size");
      if (this.#draft.isDone) return;
    }
  }

  /** Roots in the order in which they go: an index as its children were pulled. */
  *#inOrder(): Generator<RootRow> {
    for (const row of this.#queries.byPriority()) {
      yield* this.#dueBefore(row);
      const whole = this.#asPulled(row);
      if (goesBefore(row, whole)) this.#deferred.add(whole);
      else yield row;
    }
    yield* this.#dueBefore(null);
  }

  *#dueBefore(row: RootRow | null): Generator<RootRow> {
    for (;;) {
      const { first } = this.#deferred;
      if (!first || (row && !goesBefore(first, row))) return;
      this.#deferred.takeFirst();
      yield first;
    }
  }

  #asPulled(row: RootRow): RootRow {
    return { ...row, ...this.#accessOf(row) };
  }

  /** The latest, and the most, of what was pulled of an image: clients pull an index once and then its child. */
  #accessOf(row: RootRow): Access {
    const { lastAtMs, pulls, priority, manifestId } = row;
    let access: Access = { lastAtMs, pulls, priority };
    if (manifestId === null) return access;
    const known = this.#accesses.get(manifestId);
    if (known) return known;
    for (const member of this.#membersOf(manifestId)) {
      if (member.manifestId !== null) access = mostOf(access, this.#accessOf(member));
    }
    this.#accesses.set(manifestId, access);
    return access;
  }

  #membersOf(manifestId: number): readonly RootRow[] {
    const known = this.#members.get(manifestId);
    if (known) return known;
    if (this.#members.size >= membersLimit) this.#members.clear();
    const members = this.#queries.members.all(manifestId);
    this.#members.set(manifestId, members);
    return members;
  }

  /** Its turn has come. */
  #consider(row: RootRow, reason: Victim["reason"]): void {
    const id = idOf(row.key);
    if (this.#gone.has(id) || this.#draft.isExempt(id) || !this.#isRoot(row)) return;
    const pinnedName = this.#pinnedName(row.key);
    if (pinnedName !== null) this.#draft.pin(id, pinnedName);
    else if (this.#isArriving(row)) this.#draft.spare(id);
    else this.#take(row, reason);
  }

  #take(row: RootRow, reason: Victim["reason"]): void {
    const removal: Removal = { freed: [], kept: new Map(), latestAtMs: 0 };
    this.#remove(row, removal);
    const { freed, kept, latestAtMs } = removal;
    const { lastAtMs, pulls, priority } = row;
    this.#draft.add({
      root: digestOfKey(row.key),
      kind: row.manifestId === null ? "blob" : "image",
      reason,
      names: () => (this.#request.named ? namesOf(this.#queries, digestOfKey(row.key)) : []),
      lastAtMs,
      latestAtMs,
      pulls,
      priority,
      freed,
      freedBytes: freed.reduce((sum, { sizeBytes }) => sum + allocatedBytes(sizeBytes), 0),
      kept: summaryOf([...kept.values()]),
    });
  }

  /** Whether somebody pulls it at present: what it names, or a child of it does, is on its way. */
  #isArriving({ manifestId, lastAtMs }: RootRow): boolean {
    if (manifestId === null || this.#arriving.size === 0) return false;
    if (lastAtMs < this.#request.arriving.pulledSinceMs) return false;
    const children = this.#membersOf(manifestId).flatMap((member) => member.manifestId ?? []);
    return [manifestId, ...children].some((id) =>
      this.#queries.named.all(id).some(({ key }) => this.#arriving.has(idOf(key))),
    );
  }

  /**
   * Whether it goes by itself: nothing that is stored names it, nor needs it. What signs or describes stored content
   * goes with that, unless it has a tag of its own.
   */
  #isRoot(row: RootRow): boolean {
    if (this.#namedByOf(row) > 0) return false;
    return (
      this.#hasOwnTag(row.key) || this.#principalsOf(row).length === 0 || this.#waitsForItself(row)
    );
  }

  /**
   * Whether it goes with something that does not go before it, such as an index that is about its own child: such
   * content would stay for good.
   */
  #waitsForItself(row: RootRow): boolean {
    const seen = new Set<string>();
    const open = this.#principalsOf(row);
    for (let next = open.pop(); next && seen.size < waitsLimit; next = open.pop()) {
      if (next.key.equals(row.key)) return true;
      if (seen.has(idOf(next.key))) continue;
      seen.add(idOf(next.key));
      open.push(...this.#staying(this.#queries.namers.all(next.key)));
      if (!this.#hasOwnTag(next.key)) open.push(...this.#principalsOf(next));
    }
    return seen.size >= waitsLimit;
  }

  /** Manifests that stay and that this one is about: its subject, and what its tags of the form `sha256-HEX…` say. */
  #principalsOf({ key, subject }: Pick<RootRow, "key" | "subject">): RootRow[] {
    const named = this.#queries.tagsOf.all(key).map(({ tag }) => principalIn(tag));
    return this.#staying([subject, ...named].flatMap((one) => this.#manifest(one) ?? []));
  }

  #staying(rows: readonly RootRow[]): RootRow[] {
    return rows.filter(({ key }) => !this.#gone.has(idOf(key)));
  }

  #manifest(key: DigestKey | null): RootRow | undefined {
    return key === null ? undefined : this.#queries.manifest.get(key);
  }

  #hasOwnTag(key: DigestKey): boolean {
    return this.#queries.tagsOf.all(key).some(({ tag }) => principalIn(tag) === null);
  }

  /** What it is called first, if any of its names is pinned. */
  #pinnedName(key: DigestKey): string | null {
    if (this.#pins.length === 0) return null;
    const names = namesOf(this.#queries, digestOfKey(key));
    const isPinned = names.some((name) => this.#pins.some((pin) => pin.matches(name)));
    return isPinned ? (names[0] ?? "") : null;
  }

  /** Removes it, then all that only it needed. */
  #remove({ key, sizeBytes, manifestId, lastAtMs }: RootRow, removal: Removal): void {
    this.#gone.add(idOf(key));
    removal.kept.delete(idOf(key));
    removal.freed.push({ digest: digestOfKey(key), sizeBytes });
    removal.latestAtMs = Math.max(removal.latestAtMs, lastAtMs);
    if (manifestId === null) return;
    for (const member of this.#membersOf(manifestId)) {
      const namedBy = this.#namedByOf(member) - 1;
      this.#namedBy.set(idOf(member.key), namedBy);
      if (this.#isFree(member)) this.#remove(member, removal);
      else this.#keep(member, namedBy, removal);
    }
    for (const companion of this.#about(key)) {
      if (this.#isFree(companion)) this.#remove(companion, removal);
    }
  }

  /** Its own turn may be over, for something named it then. */
  #keep(member: RootRow, namedBy: number, { kept }: Removal): void {
    kept.set(idOf(member.key), { sizeBytes: member.sizeBytes, namedBy });
    if (namedBy === 0) this.#deferred.add(this.#asPulled(member));
  }

  /** Whether nothing is left that it goes with, and nothing that keeps it by itself. */
  #isFree(row: RootRow): boolean {
    if (this.#namedByOf(row) > 0 || this.#gone.has(idOf(row.key))) return false;
    if (row.manifestId === null) return true;
    if (this.#isHeld(row.key) || this.#principalsOf(row).length > 0) return false;
    return this.#pinnedName(row.key) === null;
  }

  #isHeld(key: DigestKey): boolean {
    if (this.#hasOwnTag(key)) return true;
    return this.#held === "by any name" && this.#queries.grantsOf.all(key).length > 0;
  }

  /** How many manifests that stay name it. */
  #namedByOf({ key, namedBy }: RootRow): number {
    return this.#namedBy.get(idOf(key)) ?? namedBy;
  }

  #about(key: DigestKey): RootRow[] {
    const bySubject = this.#queries.about.all(key);
    const tag = tagAbout(digestOfKey(key));
    if (tag === null) return bySubject;
    return [...bySubject, ...this.#queries.taggedBetween.all(tag, `${tag}~`)];
  }
}

function summaryOf(
  members: readonly { readonly sizeBytes: number; readonly namedBy: number }[],
): Victim["kept"] {
  return {
    objects: members.length,
    bytes: members.reduce((sum, { sizeBytes }) => sum + allocatedBytes(sizeBytes), 0),
    sharedWith: members.reduce((most, { namedBy }) => Math.max(most, namedBy), 0),
  };
}

function idOf(key: DigestKey): string {
  return key.toString("latin1");
}
