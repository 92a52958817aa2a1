import type Database from "better-sqlite3";
import { hexOf } from "../oci/digest.ts";
import { type ImageGlob, parseImageGlob } from "../oci/image-glob.ts";
import { type DigestKey, digestOfKey } from "./digest-key.ts";
import {
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

type Stored = Pick<RootRow, "key" | "sizeBytes" | "manifestId">;

/** What a victim shares with what stays, by the hex of its key. */
type Kept = Map<string, { readonly sizeBytes: number; readonly namedBy: number }>;

class VictimSearch {
  readonly #queries: VictimQueries;
  readonly #request: VictimRequest;
  readonly #pins: readonly ImageGlob[];
  /** Hex of the keys that go already. */
  readonly #gone = new Set<string>();
  /** How many stored manifests that stay name a digest; those that no victim names are not in it. */
  readonly #namedBy = new Map<string, number>();
  readonly #victims: Victim[] = [];
  /** The first name of each root that a pin keeps, by the hex of its key. */
  readonly #pinned = new Map<string, string>();
  #freedBytes = 0;

  constructor(database: Database.Database, request: VictimRequest) {
    this.#queries = victimQueries(database);
    this.#request = request;
    this.#pins = request.pins.flatMap((pin) => parseImageGlob(pin) ?? []);
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
      const latest = this.#latestOf(row);
      if (latest.lastAtMs < idleSinceMs) this.#take(latest, "idle");
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

  /** Roots by the priority of what was pulled last of them: an index counts as its youngest child does. */
  *#inOrder(): Generator<RootRow> {
    const deferred: RootRow[] = [];
    for (const row of this.#queries.byPriority()) {
      while (deferred[0] && goesBefore(deferred[0], row)) yield* deferred.splice(0, 1);
      const latest = this.#latestOf(row);
      if (goesBefore(row, latest)) insert(deferred, latest);
      else yield row;
    }
    yield* deferred;
  }

  /** The row as its image was pulled: whoever pulls a child pulls the index. */
  #latestOf(row: RootRow): RootRow {
    const { manifestId } = row;
    if (manifestId === null) return row;
    let latest = row;
    for (const child of this.#queries.children.all(manifestId)) {
      const { priority, lastAtMs, pulls } = this.#latestOf(child);
      latest = {
        ...latest,
        priority: Math.max(latest.priority, priority),
        lastAtMs: Math.max(latest.lastAtMs, lastAtMs),
        pulls: Math.max(latest.pulls, pulls),
      };
    }
    return latest;
  }

  #take(row: RootRow, reason: Victim["reason"]): void {
    const id = hex(row.key);
    if (this.#gone.has(id) || this.#pinned.has(id) || !this.#isRoot(row)) return;
    const { named } = this.#request;
    const names = named || this.#pins.length > 0 ? this.#namesOf(row.key) : [];
    if (names.some((name) => this.#pins.some((pin) => pin(name)))) {
      this.#pinned.set(id, names[0] ?? "");
      return;
    }
    const freed: StoredObject[] = [];
    const kept: Kept = new Map();
    this.#remove(row, freed, kept);
    const freedBytes = freed.reduce((sum, { sizeBytes }) => sum + allocatedBytes(sizeBytes), 0);
    this.#freedBytes += freedBytes;
    const { lastAtMs, pulls, priority } = row;
    this.#victims.push({
      root: digestOfKey(row.key),
      kind: row.manifestId === null ? "blob" : "image",
      reason,
      names: named ? names : [],
      lastAtMs,
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
    const { key, subject } = row;
    if (this.#hasOwnTag(key)) return true;
    if (this.#isCompanionByTag(key)) return false;
    return subject === null || this.#queries.blob.get(subject) === undefined;
  }

  #hasOwnTag(key: DigestKey): boolean {
    return this.#queries.tagsOf.all(key).some(({ tag }) => this.#principalOf(tag) === null);
  }

  #isCompanionByTag(key: DigestKey): boolean {
    return this.#queries.tagsOf.all(key).some(({ tag }) => this.#principalOf(tag) !== null);
  }

  /** What a tag of the form `sha256-HEX…` is about, as cosign and the referrers' tag schema use it, if that is stored. */
  #principalOf(tag: string): DigestKey | null {
    const [, text] = /^sha256-([0-9a-f]{64})(?![0-9a-z])/.exec(tag) ?? [];
    if (text === undefined) return null;
    const key = Buffer.from(`01${text}`, "hex") as DigestKey;
    return this.#queries.blob.get(key) ? key : null;
  }

  /** Removes it, then all that only it needed. */
  #remove({ key, sizeBytes, manifestId }: Stored, freed: StoredObject[], kept: Kept): void {
    this.#gone.add(hex(key));
    kept.delete(hex(key));
    freed.push({ digest: digestOfKey(key), sizeBytes });
    if (manifestId === null) return;
    for (const member of this.#queries.members.all(manifestId)) {
      const namedBy = this.#namedByOf(member) - 1;
      this.#namedBy.set(hex(member.key), namedBy);
      if (namedBy === 0 && !this.#hasOwnTag(member.key)) this.#remove(member, freed, kept);
      else kept.set(hex(member.key), { sizeBytes: member.sizeBytes, namedBy });
    }
    for (const companion of this.#companionsOf(key)) this.#remove(companion, freed, kept);
  }

  /** How many manifests that stay name it. */
  #namedByOf({ key, namedBy }: RootRow): number {
    return this.#namedBy.get(hex(key)) ?? namedBy;
  }

  /** Manifests that are about this one, and about nothing else. */
  *#companionsOf(key: DigestKey): Generator<RootRow> {
    for (const companion of this.#about(key)) {
      const isFree = this.#namedByOf(companion) === 0 && !this.#hasOwnTag(companion.key);
      if (isFree && !this.#gone.has(hex(companion.key))) yield companion;
    }
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

function insert(rows: RootRow[], row: RootRow): void {
  rows.splice(rows.findLastIndex((one) => goesBefore(one, row)) + 1, 0, row);
}

/** By priority; of equals, what was pulled longer ago. */
function goesBefore(one: RootRow, other: RootRow): boolean {
  if (one.priority !== other.priority) return one.priority < other.priority;
  return one.lastAtMs < other.lastAtMs;
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

function hex(key: DigestKey): string {
  return key.toString("hex");
}
