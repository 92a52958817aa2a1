import type Database from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import { ImageGlob } from "../../oci/image-glob.ts";
import { type DigestKey, idOf } from "../catalog/digest-key.ts";
import { imageNames } from "../images/image-names.ts";
import { allocatedBytes } from "./eviction.ts";
import type { PinnedContent } from "./pins.ts";
import { type RootRow, type VictimQueries, victimQueries } from "./victim-queries.ts";

/** What the patterns match of what is stored, and what that takes. */
export function pinnedContent(
  database: Database.Database,
  patterns: readonly string[],
): PinnedContent {
  const globs = patterns.map((pattern) => ImageGlob.parse(pattern));
  const matched = globs.map(() => new Set<string>());
  const content = new Content(victimQueries(database));
  for (const { name, key } of imageNames(database)) {
    for (const [at, glob] of globs.entries()) {
      if (!glob?.matches(name)) continue;
      matched[at]?.add(idOf(key));
      content.addImage(key);
    }
  }
  return { images: matched.map(({ size }) => size), allocatedBytes: content.allocatedBytes };
}

/** Content, each once. */
class Content {
  allocatedBytes = 0;
  readonly #queries: VictimQueries;
  readonly #seen = new Set<Digest>();

  constructor(queries: VictimQueries) {
    this.#queries = queries;
  }

  addImage(key: DigestKey): void {
    const manifest = this.#queries.manifest.get(key);
    if (manifest) this.#add(manifest);
  }

  #add({ digest, sizeBytes, manifestId }: RootRow): void {
    if (this.#seen.has(digest)) return;
    this.#seen.add(digest);
    this.allocatedBytes += allocatedBytes(sizeBytes);
    if (manifestId === null) return;
    for (const member of this.#queries.members.all(manifestId)) this.#add(member);
  }
}
