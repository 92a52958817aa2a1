import type Database from "better-sqlite3";
import { hexOf } from "../oci/digest.ts";
import { ImageGlob } from "../oci/image-glob.ts";
import { DeferredRoots, goesBefore } from "./deferred-roots.ts";
import { type DigestKey, digestOfKey } from "./digest-key.ts";
import {
  type Access,
  allocatedBytes,
  type EvictionPlan,
  type StoredObject,
  type Victim,
  type VictimRequest,
} from "./eviction.ts";
import { type RootRow, type VictimQueries, victimQueries } from "./victim-queries.ts";

// Names in a plan are for people.
const namesLimit = 10;

/**
 * Finds what goes next, as the catalog is now: first what is idle, then roots in the order of their priority until
 * enough would be free. Reads page by page, so that no read transaction is long.
 */
export function chooseVictims(database: Database.Database, request: VictimRequest): EvictionPlan {
  return new VictimSearch(database, request).run();
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

class VictimSearch {
  readonly #queries: VictimQueries;
  readonly #request: VictimRequest;
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
  readonly #victims: Victim[] = [];
  /** By the ids of their keys, what would have gone, and its name. */
  readonly #pinned = new Map<string, string>();
  #freedBytes = 0;

  constructor(database: Database.Database, request: VictimRequest) {
    this.#queries = victimQueries(database);
    this.#request = request;
    this.#pins = request.pins.flatMap((pin) => ImageGlob.parse(pin) ?? []);
  }

  run(): EvictionPlan {
    this.#takeIdle();
    this.#takeUntilFree();
    const names = [...this.#pinned.values()].slice(0, namesLimit);
    const pinned = { roots: this.#pinned.size, names };
    return { victims: this.#victims, freedBytes: this.#freedBytes, pinned };
  }

  #takeIdle(): void {
    const { idleSinceMs } = this.#request;
    if (idleSinceMs === null) return;
    for (const row of this.#queries.byTime()) {
      if (row.lastAtMs >= idleSinceMs) return;
      const whole = this.#asPulled(row);
      if (whole.lastAtMs < idleSinceMs) this.#take(whole, "idle");
    }
  }

  #takeUntilFree(): void {
    const { freeBytes } = this.#request;
    if (this.#freedBytes >= freeBytes) return;
    for (const row of this.#inOrder()) {
      this.#take(row, "size");
      if (this.#freedBytes >= freeBytes) return;
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

  #take(row: RootRow, reason: Victim["reason"]): void {
    const id = idOf(row.key);
    if (this.#gone.has(id) || this.#pinned.has(id) || !this.#isRoot(row)) return;
    const { named } = this.#request;
    const names = named || this.#pins.length > 0 ? this.#namesOf(row.key) : [];
    if (this.#isPinnedAs(names)) {
      this.#pinned.set(id, names[0] ?? "");
      return;
    }
    const removal: Removal = { freed: [], kept: new Map(), latestAtMs: 0 };
    this.#remove(row, removal);
    const { freed, kept, latestAtMs } = removal;
    const freedBytes = freed.reduce((sum, { sizeBytes }) => sum + allocatedBytes(sizeBytes), 0);
    this.#freedBytes += freedBytes;
    const { lastAtMs, pulls, priority } = row;
    this.#victims.push({
      root: digestOfKey(row.key),
      kind: row.manifestId === null ? "blob" : "image",
      reason,
      names: named ? names : [],
      lastAtMs,
      latestAtMs,
      pulls,
      priority,
      freed,
      freedBytes,
      kept: summaryOf([...kept.values()]),
    });
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

  #isPinnedAs(names: readonly string[]): boolean {
    return names.some((name) => this.#pins.some((pin) => pin.matches(name)));
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
    if (this.#hasOwnTag(row.key) || this.#principalsOf(row).length > 0) return false;
    return this.#pins.length === 0 || !this.#isPinnedAs(this.#namesOf(row.key));
  }

  /** How many manifests that stay name it. */
  #namedByOf({ key, namedBy }: RootRow): number {
    return this.#namedBy.get(idOf(key)) ?? namedBy;
  }

  #about(key: DigestKey): RootRow[] {
    const bySubject = this.#queries.about.all(key);
    const digest = digestOfKey(key);
    if (!digest.startsWith("sha256:")) return bySubject;
    const tag = `sha256-${hexOf(digest)}`;
    return [...bySubject, ...this.#queries.taggedBetween.all(tag, `${tag}~`)];
  }

  #namesOf(key: DigestKey): string[] {
    const tagged = this.#queries.tagsOf
      .all(key)
      .map(({ upstream, repository, tag }) => `${upstream}/${repository}:${tag}`);
    const granted = this.#queries.grantsOf
      .all(key)
      .map(({ upstream, repository }) => `${upstream}/${repository}@${digestOfKey(key)}`);
    return [...tagged, ...granted];
  }
}

/** What a tag of the form `sha256-HEX…` is about, as cosign and the referrers' tag schema use it. */
function principalIn(tag: string): DigestKey | null {
  const [, text] = /^sha256-([0-9a-f]{64})(?![0-9a-z])/.exec(tag) ?? [];
  return text === undefined ? null : (Buffer.from(`01${text}`, "hex") as DigestKey);
}

function mostOf(one: Access, other: Access): Access {
  return {
    lastAtMs: Math.max(one.lastAtMs, other.lastAtMs),
    pulls: Math.max(one.pulls, other.pulls),
    priority: Math.max(one.priority, other.priority),
  };
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
