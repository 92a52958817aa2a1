import { describeManifest } from "../../oci/described-manifest.ts";
import type { Digest } from "../../oci/digest.ts";
import { parseForeignJson } from "../../oci/foreign-json.ts";
import { isImageIndex, isImageManifest, manifestLimitBytes } from "../../oci/manifest.ts";
import { platformText } from "../../oci/platform.ts";
import type { ListedImage } from "../../storage/images/image-list.ts";
import { memoryTable } from "../memory-table.ts";
import type { StoredContent } from "../stored-content.ts";

// A manifest is what it is, so what it says is read once. Some 200 bytes each.
const inMemory = 10_000;

// A config has some KiB; what is larger is none that says where an image runs.
const configLimitBytes = 1024 * 1024;

const manifestsLimit = 1_000;

/** The platforms of stored images, from what their index or config says. */
export class Platforms {
  readonly #stored: StoredContent;
  readonly #known = memoryTable<ReadonlyMap<Digest, string>>(inMemory);

  constructor(stored: StoredContent) {
    this.#stored = stored;
  }

  /** Those whose manifest is here, in the order of the index. */
  async of(image: Pick<ListedImage, "digest" | "mediaType" | "manifests">): Promise<string[]> {
    const { digest, mediaType, manifests } = image;
    const platforms = await this.#read(digest, mediaType ?? "");
    const here = new Set([digest, ...manifests.stored]);
    return [...new Set([...platforms].flatMap(([one, text]) => (here.has(one) ? [text] : [])))];
  }

  /** By the manifest that is for it. */
  async #read(digest: Digest, mediaType: string): Promise<ReadonlyMap<Digest, string>> {
    const known = this.#known.get(digest);
    if (known) return known;
    const platforms = new Map<Digest, string>();
    if (isImageIndex(mediaType)) await this.#readIndex(digest, platforms);
    else if (isImageManifest(mediaType)) await this.#readConfig(digest, platforms);
    // What is not here yet may come.
    if (platforms.size > 0) this.#known.set(digest, platforms);
    return platforms;
  }

  async #readIndex(index: Digest, platforms: Map<Digest, string>): Promise<void> {
    const bytes = await this.#stored.peek(index, manifestLimitBytes);
    if (!bytes) return;
    for (const { digest, platform } of describeManifest(bytes, manifestsLimit).manifests) {
      if (platform) platforms.set(digest, platform);
    }
  }

  async #readConfig(manifest: Digest, platforms: Map<Digest, string>): Promise<void> {
    const bytes = await this.#stored.peek(manifest, manifestLimitBytes);
    const config = bytes && describeManifest(bytes, 0).config;
    const text = config && (await this.#stored.peek(config.digest, configLimitBytes));
    const platform = text && platformText(parseForeignJson(text));
    if (platform) platforms.set(manifest, platform);
  }
}
