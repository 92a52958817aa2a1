import type Database from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import { ImageGlob } from "../../oci/image-glob.ts";
import { keyOf } from "../catalog/digest-key.ts";
import { Companions } from "./companions.ts";
import {
  allocatedBytes,
  type EvictionPlan,
  type StoredObject,
  type Victim,
  type VictimRequest,
} from "./eviction.ts";
import { Heap } from "./heap.ts";
import { ImageMembers } from "./image-members.ts";
import { PlanDraft } from "./plan-draft.ts";
import { goesBefore } from "./root-order.ts";
import { Snapshot } from "./snapshot.ts";
import { namesOf } from "./victim-names.ts";
import { type RootRow, type VictimQueries, victimQueries } from "./victim-queries.ts";

/**
 * Finds what goes next, as the catalog is now: first what is idle, then roots in the order of their priority until
 * enough would be free. No read transaction is long.
 */
export function chooseVictims(database: Database.Database, request: VictimRequest): EvictionPlan {
  using snapshot = new Snapshot(database);
  const queries = inSnapshots(victimQueries(database), snapshot);
  return new VictimSearch(queries, request, "by tags").run();
}

function inSnapshots(queries: VictimQueries, snapshot: Snapshot): VictimQueries {
  const { byPriority, byTime, members } = queries;
  return {
    ...queries,
    byPriority: () => stepping(byPriority(), snapshot),
    byTime: () => stepping(byTime(), snapshot),
    members: {
      all: (manifestId) => {
        snapshot.step();
        return members.all(manifestId);
      },
    },
  };
}

function* stepping(rows: Iterable<RootRow>, snapshot: Snapshot): Generator<RootRow> {
  for (const row of rows) {
    snapshot.step();
    yield row;
  }
}

/** What goes with a root, and what it shares with what stays. */
interface Removal {
  readonly freed: StoredObject[];
  readonly kept: Map<Digest, { readonly sizeBytes: number; readonly namedBy: number }>;
  latestAtMs: number;
}

/** Goes through the catalog, and notes what goes with what. */
export class VictimSearch {
  readonly #queries: VictimQueries;
  readonly #request: VictimRequest;
  /** What keeps a manifest that nothing stored needs any more. */
  readonly #held: "by tags" | "by any name";
  readonly #pins: readonly ImageGlob[];
  /** What goes already. */
  readonly #gone = new Set<Digest>();
  /** How many stored manifests that stay name what stays itself, as far as a victim names it too. */
  readonly #namedBy = new Map<Digest, number>();
  /** Roots whose turn comes later than that of their own row: in a catalog of multi-platform images that is every other. */
  readonly #deferred = new Heap<RootRow>(goesBefore);
  readonly #members: ImageMembers;
  readonly #companions: Companions;
  /** What is on its way into the store. */
  readonly #arriving: ReadonlySet<Digest>;
  readonly #draft: PlanDraft;

  constructor(queries: VictimQueries, request: VictimRequest, held: "by tags" | "by any name") {
    this.#queries = queries;
    this.#request = request;
    this.#held = held;
    this.#members = new ImageMembers(queries);
    this.#companions = new Companions(queries, this.#gone);
    this.#pins = request.pins.flatMap((pin) => ImageGlob.parse(pin) ?? []);
    this.#arriving = new Set(request.arriving.digests);
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
        const isNeeded = this.#namedByOf(row) > 0 || this.#isHeld(row.digest);
        const isGone = this.#gone.has(row.digest);
        if (!isNeeded && !isGone) this.#take(this.#members.asPulled(row), "purge");
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
      const whole = this.#members.asPulled(row);
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
      const whole = this.#members.asPulled(row);
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

  /** Its turn has come. */
  #consider(row: RootRow, reason: Victim["reason"]): void {
    const { digest } = row;
    if (this.#gone.has(digest) || this.#draft.isExempt(digest) || !this.#isRoot(row)) return;
    const pinnedName = this.#pinnedName(digest);
    if (pinnedName !== null) this.#draft.pin(digest, pinnedName);
    else if (this.#isArriving(row)) this.#draft.spare(digest);
    else this.#take(row, reason);
  }

  #take(row: RootRow, reason: Victim["reason"]): void {
    const removal: Removal = { freed: [], kept: new Map(), latestAtMs: 0 };
    this.#remove(row, removal);
    const { freed, kept, latestAtMs } = removal;
    const { digest, lastAtMs, pulls, priority } = row;
    this.#draft.add({
      root: digest,
      kind: row.manifestId === null ? "blob" : "image",
      reason,
      names: () => (this.#request.named ? namesOf(this.#queries, digest) : []),
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
    const children = this.#members.of(manifestId).flatMap((member) => member.manifestId ?? []);
    return [manifestId, ...children].some((id) =>
      this.#queries.named.all(id).some(({ digest }) => this.#arriving.has(digest)),
    );
  }

  /**
   * Whether it goes by itself: nothing that is stored names it, nor needs it. What signs or describes stored content
   * goes with that, unless it has a tag of its own.
   */
  #isRoot(row: RootRow): boolean {
    if (this.#namedByOf(row) > 0) return false;
    return (
      this.#companions.hasOwnTag(row.digest) ||
      this.#companions.principalsOf(row).length === 0 ||
      this.#companions.waitsForItself(row)
    );
  }

  /** What it is called first, if any of its names is pinned. */
  #pinnedName(digest: Digest): string | null {
    if (this.#pins.length === 0) return null;
    const names = namesOf(this.#queries, digest);
    const isPinned = names.some((name) => this.#pins.some((pin) => pin.matches(name)));
    return isPinned ? (names[0] ?? "") : null;
  }

  /** Removes it, then all that only it needed. */
  #remove({ digest, sizeBytes, manifestId, lastAtMs }: RootRow, removal: Removal): void {
    this.#gone.add(digest);
    this.#namedBy.delete(digest);
    removal.kept.delete(digest);
    removal.freed.push({ digest, sizeBytes });
    removal.latestAtMs = Math.max(removal.latestAtMs, lastAtMs);
    if (manifestId === null) return;
    for (const member of this.#members.takeOf(manifestId)) {
      const namedBy = this.#namedByOf(member) - 1;
      if (this.#isFree(member, namedBy)) this.#remove(member, removal);
      else this.#keep(member, namedBy, removal);
    }
    for (const companion of this.#companions.of(digest)) {
      if (this.#isFree(companion, this.#namedByOf(companion))) this.#remove(companion, removal);
    }
  }

  /** Its own turn may be over, for something named it then. */
  #keep(member: RootRow, namedBy: number, { kept }: Removal): void {
    this.#namedBy.set(member.digest, namedBy);
    kept.set(member.digest, { sizeBytes: member.sizeBytes, namedBy });
    if (namedBy === 0) this.#deferred.add(this.#members.asPulled(member));
  }

  /** Whether nothing is left that it goes with, and nothing that keeps it by itself. */
  #isFree(row: RootRow, namedBy: number): boolean {
    if (namedBy > 0 || this.#gone.has(row.digest)) return false;
    if (row.manifestId === null) return true;
    if (this.#isHeld(row.digest) || this.#companions.principalsOf(row).length > 0) return false;
    return this.#pinnedName(row.digest) === null;
  }

  #isHeld(digest: Digest): boolean {
    if (this.#companions.hasOwnTag(digest)) return true;
    return this.#held === "by any name" && this.#queries.grantsOf.all(keyOf(digest)).length > 0;
  }

  /** How many manifests that stay name it. */
  #namedByOf({ digest, namedBy }: RootRow): number {
    return this.#namedBy.get(digest) ?? namedBy;
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
