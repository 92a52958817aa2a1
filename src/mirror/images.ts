import { isImageIndex } from "../oci/manifest.ts";
import type { ImageList, ImageListRequest, ListedImage } from "../storage/image-list.ts";
import { Platforms } from "./platforms.ts";
import type { StorageTools } from "./storage-tools.ts";
import type { StoredContent } from "./stored-content.ts";

/** An image of a list, with what its manifest says. */
export interface ImageSummary extends ListedImage {
  /** Those that are here, such as `linux/amd64`. */
  readonly platforms: readonly string[];
  /** Whether all of it is here, for one platform of its index at least, and all of each that is here. */
  readonly isComplete: boolean;
}

export interface ImagePage extends Omit<ImageList, "images"> {
  readonly images: readonly ImageSummary[];
}

// Each holds an open file.
const readAtOnce = 16;

export interface ImagesTools {
  readonly storage: StorageTools;
  readonly stored: StoredContent;
  /** Writes the pulls that were only noted yet. */
  readonly flush: () => Promise<void>;
}

/** What operators ask of the stored images. Upstreams are not asked, and nothing is changed. */
export class Images {
  readonly #tools: ImagesTools;
  readonly #platforms: Platforms;

  constructor(tools: ImagesTools) {
    this.#tools = tools;
    this.#platforms = new Platforms(tools.stored);
  }

  async list(request: ImageListRequest): Promise<ImagePage> {
    const { storage, flush } = this.#tools;
    await flush();
    const list = await storage.catalog.ask({ kind: "images", request });
    const images: ImageSummary[] = [];
    for (let at = 0; at < list.images.length; at += readAtOnce) {
      const batch = list.images.slice(at, at + readAtOnce);
      images.push(...(await Promise.all(batch.map((image) => this.#summary(image)))));
    }
    return { ...list, images };
  }

  async #summary(image: ListedImage): Promise<ImageSummary> {
    return { ...image, platforms: await this.#platforms.of(image), isComplete: isComplete(image) };
  }
}

function isComplete({ mediaType, missing, manifests }: ListedImage): boolean {
  if (mediaType === null || missing > 0) return false;
  return !isImageIndex(mediaType) || manifests.named === 0 || manifests.stored.length > 0;
}
