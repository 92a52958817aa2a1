import { DistributionError } from "../../oci/distribution-error.ts";
import { platformsFor } from "../../oci/platform.ts";

/** Which children of an index are wanted. */
export type WantedPlatforms = readonly string[] | "all";

/** Those of an index that are of the platforms, in its order. Throws DistributionError where one has none. */
export function wanted<Child extends { readonly platform: string | null }>(
  manifests: readonly Child[],
  platforms: WantedPlatforms,
): Child[] {
  if (platforms === "all") return [...manifests];
  const there = manifests.flatMap(({ platform }) => platform ?? []);
  const taken = new Set<string>();
  for (const platform of platforms) {
    const found = platformsFor(platform, there);
    if (found.length === 0) throw lacking(platform, there);
    for (const one of found) taken.add(one);
  }
  return manifests.filter(({ platform }) => platform !== null && taken.has(platform));
}

// As many as fit into a line.
const platformsInSentence = 8;

function lacking(platform: string, there: readonly string[]): DistributionError {
  const known = [...new Set(there)].slice(0, platformsInSentence).join(", ") || "none";
  return new DistributionError("MANIFEST_UNKNOWN", `it has no ${platform}; it has ${known}`);
}
