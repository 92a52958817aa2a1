import { DistributionError } from "../../oci/distribution-error.ts";
import type { ImageNode } from "../images/image-tree.ts";
import type { PrefetchedName } from "./prefetched-image.ts";
import { type WantedPlatforms, wanted } from "./wanted-platforms.ts";

/** What a prefetch would do, as far as that is known here; sizes in bytes. */
export interface PrefetchPlan {
  readonly image: string;
  /** Of the manifest or index that is here; null if nothing is known of it. */
  readonly digest: string | null;
  readonly missingBlobs: number;
  readonly missingBytes: number;
  readonly presentBlobs: number;
  readonly presentBytes: number;
  /** Of the missing ones, manifests: what they name comes on top. */
  readonly unknownManifests: number;
  /** Why it would not be whole, in a sentence; null if nothing is known to be wrong. */
  readonly error: string | null;
}

/** What would be fetched of an image (`tree`; null if nothing is known of it). Upstream is not asked. */
export function planPrefetch(
  { name }: PrefetchedName,
  tree: ImageNode | null,
  platforms: WantedPlatforms,
): PrefetchPlan {
  const nothing = { missingBlobs: 0, missingBytes: 0, presentBlobs: 0, presentBytes: 0 };
  const about = { image: name, digest: tree?.digest ?? null, ...nothing, unknownManifests: 0 };
  if (!tree) return { ...about, error: null };
  try {
    return { ...about, ...countOf(nodesOf(tree, platforms)), error: null };
  } catch (error) {
    if (error instanceof DistributionError) return { ...about, error: error.message };
    throw error;
  }
}

/** Those that a prefetch takes, each once. Throws DistributionError where a platform is not there. */
function nodesOf(tree: ImageNode, platforms: WantedPlatforms): ImageNode[] {
  const images = tree.kind === "index" ? wanted(tree.named, platforms) : [];
  const nodes = [tree, ...images, ...(tree.kind === "index" ? images : [tree]).flatMap(blobsOf)];
  return [...new Map(nodes.map((node) => [node.digest, node])).values()];
}

function blobsOf({ named }: ImageNode): ImageNode[] {
  return named.filter(({ kind, state }) => kind !== "manifest" && state !== "elsewhere");
}

function countOf(nodes: readonly ImageNode[]): Omit<PrefetchPlan, "image" | "digest" | "error"> {
  const present = nodes.filter(({ state }) => state === "here");
  const missing = nodes.filter(({ state }) => state !== "here");
  return {
    missingBlobs: missing.length,
    missingBytes: bytesOf(missing),
    presentBlobs: present.length,
    presentBytes: bytesOf(present),
    unknownManifests: missing.filter(({ kind }) => kind === "manifest").length,
  };
}

function bytesOf(nodes: readonly ImageNode[]): number {
  return nodes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
