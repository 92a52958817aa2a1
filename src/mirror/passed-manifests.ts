import { LRUCache } from "lru-cache";
import type { Digest } from "../oci/digest.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { Target } from "../upstream/upstreams.ts";

// A client that has asked what a tag means asks for that digest next. So long at most it is given what upstream has just
// sent through this repository: else each pull would count twice where manifests are counted.
const passed = { forMs: 60_000, limitBytes: 16 * 1024 * 1024 };

/** Manifests that upstream has just sent and that are not stored, or not yet. */
export class PassedManifests {
  readonly #now: () => number;
  readonly #passed = new LRUCache<string, { readonly manifest: Manifest; readonly atMs: number }>({
    maxSize: passed.limitBytes,
    sizeCalculation: ({ manifest }) => manifest.bytes.length + 1,
  });

  constructor(now: () => number) {
    this.#now = now;
  }

  note(target: Target, manifest: Manifest): void {
    this.#passed.set(keyOf(target, manifest.digest), { manifest, atMs: this.#now() });
  }

  clear(): void {
    this.#passed.clear();
  }

  find(target: Target, digest: Digest): Manifest | null {
    const found = this.#passed.get(keyOf(target, digest));
    if (!found) return null;
    const ageMs = this.#now() - found.atMs;
    return ageMs >= 0 && ageMs < passed.forMs ? found.manifest : null;
  }
}

function keyOf({ upstream, repository }: Target, digest: Digest): string {
  return `${upstream.name} ${repository} ${digest}`;
}
