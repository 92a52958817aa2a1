import type { Digest } from "../../oci/digest.ts";
import type { EvictionPlan, Victim, VictimRequest } from "./eviction.ts";

// Names in a plan are for people.
const namesLimit = 10;

/** A victim as it is found; what only a plan that tells of it says is looked up then. */
export type FoundVictim = Omit<Victim, "names"> & { readonly names: () => readonly string[] };

/** A plan while it is made: the first victims whole, of the others how many they are. */
export class PlanDraft {
  readonly #request: VictimRequest;
  readonly #victims: Victim[] = [];
  /** What would have gone, and its name. */
  readonly #pinned = new Map<Digest, string>();
  readonly #arriving = new Set<Digest>();
  #images = 0;
  #blobs = 0;
  #objects = 0;
  #freedBytes = 0;

  constructor(request: VictimRequest) {
    this.#request = request;
  }

  /** Whether it frees what is wanted, or is full. */
  get isDone(): boolean {
    return this.#freedBytes >= this.#request.freeBytes || this.isFull;
  }

  /** Whether what is found from now on would be left for the next plan. */
  get isFull(): boolean {
    return this.#request.rest === "left" && this.#tellsNoMore;
  }

  isExempt(digest: Digest): boolean {
    return this.#pinned.has(digest) || this.#arriving.has(digest);
  }

  pin(digest: Digest, name: string): void {
    this.#pinned.set(digest, name);
  }

  spare(digest: Digest): void {
    this.#arriving.add(digest);
  }

  add(victim: FoundVictim): void {
    if (!this.#tellsNoMore) this.#victims.push({ ...victim, names: victim.names() });
    if (victim.kind === "image") this.#images++;
    else this.#blobs++;
    this.#objects += victim.freed.length;
    this.#freedBytes += victim.freedBytes;
  }

  plan(): EvictionPlan {
    const names = [...this.#pinned.values()].slice(0, namesLimit);
    return {
      victims: this.#victims,
      images: this.#images,
      blobs: this.#blobs,
      objects: this.#objects,
      freedBytes: this.#freedBytes,
      pinned: { roots: this.#pinned.size, names },
      arriving: this.#arriving.size,
    };
  }

  get #tellsNoMore(): boolean {
    return this.#victims.length >= this.#request.limit;
  }
}
