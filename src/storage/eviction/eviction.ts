import type { Digest } from "../../oci/digest.ts";

/** When a root was pulled. A root is a manifest or a blob that goes by itself, with whatever only it needs. */
export interface Access {
  /** In ms since the epoch. */
  readonly lastAtMs: number;
  readonly pulls: number;
  /** Roots are evicted in ascending order of it. */
  readonly priority: number;
}

/** Of what goes together: the latest pull, and the most of them. */
export function mostOf(one: Access, other: Access): Access {
  return {
    lastAtMs: Math.max(one.lastAtMs, other.lastAtMs),
    pulls: Math.max(one.pulls, other.pulls),
    priority: Math.max(one.priority, other.priority),
  };
}

/** What shall be found that can go. */
export interface VictimRequest {
  /** Go on until so many bytes would be free; 0 for none but what is idle. */
  readonly freeBytes: number;
  /** Whatever was not pulled since goes; null for none. In ms since the epoch. */
  readonly idleSinceMs: number | null;
  /** Patterns of images (`image-glob.ts`) that stay. */
  readonly pins: readonly string[];
  /** Of so many victims, the first, a plan tells all. */
  readonly limit: number;
  /** What becomes of those behind them: they are counted, for people, or left for the next plan. */
  readonly rest: "counted" | "left";
  /** Whether the victims' names are wanted, which takes longer. */
  readonly named: boolean;
  /** Content that is on its way into the store. Who was pulled since, in ms since the epoch, and needs it, stays. */
  readonly arriving: { readonly digests: readonly Digest[]; readonly pulledSinceMs: number };
}

export interface StoredObject {
  readonly digest: Digest;
  readonly sizeBytes: number;
}

/** An image, or a blob that no stored manifest names, and what goes with it. */
export interface Victim extends Access {
  readonly root: Digest;
  readonly kind: "image" | "blob";
  /** `purge`: an operator named it. */
  readonly reason: "idle" | "size" | "purge";
  /** `UPSTREAM/REPOSITORY:TAG`, or `…@DIGEST` where it has no tag; empty unless they are wanted. */
  readonly names: readonly string[];
  /** All that no image needs that stays, the root among them. */
  readonly freed: readonly StoredObject[];
  /** Space on the disk. */
  readonly freedBytes: number;
  /** When anything of that was pulled last, in ms since the epoch. */
  readonly latestAtMs: number;
  /** What it shares with images that stay, and how many of those there are for the most shared of it. */
  readonly kept: { readonly objects: number; readonly bytes: number; readonly sharedWith: number };
}

export interface EvictionPlan {
  /** The first that go, in their order. */
  readonly victims: readonly Victim[];
  /** How many go in all, and how many blobs by themselves. */
  readonly images: number;
  readonly blobs: number;
  /** What goes with all of them: how many blobs, and their space on the disk. */
  readonly objects: number;
  readonly freedBytes: number;
  /** Roots that would have gone but for a pin. */
  readonly pinned: { readonly roots: number; readonly names: readonly string[] };
  /** How many roots would have gone but are being pulled: content of theirs is arriving. */
  readonly arriving: number;
}

// What a file takes beyond its size: file systems give whole blocks.
const blockBytes = 4096;

/** The space that a file of `sizeBytes` takes on the disk. */
export function allocatedBytes(sizeBytes: number): number {
  return Math.ceil(sizeBytes / blockBytes) * blockBytes;
}
