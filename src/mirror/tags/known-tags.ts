import type { Manifest } from "../../oci/manifest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { TagRecord } from "../../storage/catalog.ts";
import type { Target } from "../../upstream/upstreams.ts";
import type { Behind } from "../behind.ts";
import { CatalogMemory } from "../catalog-memory.ts";
import type { PassedManifests } from "../passed-manifests.ts";
import { locationOf } from "../rights/grants.ts";
import { orNull, type StorageTools } from "../storage-tools.ts";
import type { StoredContent } from "../stored-content.ts";

/** A tag as clients of one kind see it. */
export interface TagKey {
  readonly target: Target;
  readonly tag: Tag;
  /** `Accept.variant` of the list it was asked with; "" for all types, which is what nearly every client gets. */
  readonly variant: string;
}

/** What a tag meant when it was last checked, and the manifest is here. */
export interface KnownTag {
  /** In ms since the epoch. */
  readonly checkedAtMs: number;
  readonly manifest: Manifest;
}

export interface KnownTagTools {
  readonly storage: StorageTools;
  readonly stored: StoredContent;
  /** What is stored late is found there meanwhile. */
  readonly passed: PassedManifests;
  readonly behind: Behind;
}

// Some 300 bytes each. What is not among them costs a look-up in the catalog.
const tagsInMemory = 20_000;

/** What tags meant: in memory as far as they were asked for lately, in the catalog for good. */
export class KnownTags {
  readonly #tools: KnownTagTools;
  readonly #records: CatalogMemory<TagRecord>;

  constructor(tools: KnownTagTools) {
    this.#tools = tools;
    this.#records = new CatalogMemory(tagsInMemory, tools.storage.log);
  }

  async find(key: TagKey): Promise<KnownTag | null> {
    const record = await this.#record(key);
    if (!record) return null;
    const { passed, stored } = this.#tools;
    const manifest =
      (await stored.manifest(record.digest)) ?? passed.find(key.target, record.digest);
    return manifest && { checkedAtMs: record.checkedAtMs, manifest };
  }

  /** As `find`, if all of it is in memory. */
  inMemory(key: TagKey): KnownTag | null {
    const record = this.#records.inMemory(textOf(key));
    const manifest = record && this.#tools.stored.inMemory(record.digest);
    return manifest ? { checkedAtMs: record.checkedAtMs, manifest } : null;
  }

  /** As `find`, for whoever only looks. */
  async peek(key: TagKey): Promise<KnownTag | null> {
    const record = await this.#record(key);
    const manifest = record && (await this.#tools.stored.peekManifest(record.digest));
    return manifest && { checkedAtMs: record.checkedAtMs, manifest };
  }

  /** Upstream has just said that the tag means this, or that it did so long ago. */
  async record(key: TagKey, { digest }: Manifest, ageMs: number): Promise<void> {
    const { catalog, log, now } = this.#tools.storage;
    const record = { digest, checkedAtMs: now() - ageMs };
    this.#records.note(textOf(key), record);
    const write = (): Promise<void> =>
      catalog.recordTag(locationOf(key.target), key.tag, key.variant, record);
    await this.#tools.behind.soonOrLate(() => orNull(log, write), null);
  }

  /** Upstream has no such tag (any more). */
  async forget(key: TagKey): Promise<void> {
    // What nobody gets is gone for all.
    const variant = key.variant === "" ? null : key.variant;
    await this.#records.forget(textOf(key), () =>
      this.#tools.storage.catalog.forgetTag(locationOf(key.target), key.tag, variant),
    );
  }

  dropFromMemory(): void {
    this.#records.clear();
  }

  #record(key: TagKey): Promise<TagRecord | null> {
    return this.#records.find(textOf(key), () =>
      this.#tools.storage.catalog.tag(locationOf(key.target), key.tag, key.variant),
    );
  }
}

export function textOf({ target, tag, variant }: TagKey): string {
  return `${target.upstream.name} ${target.repository} ${tag} ${variant}`;
}
