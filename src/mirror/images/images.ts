import { describeManifest } from "../../oci/described-manifest.ts";
import type { Digest } from "../../oci/digest.ts";
import { ImageGlob } from "../../oci/image-glob.ts";
import { imageName } from "../../oci/image-name.ts";
import { isImageIndex, manifestLimitBytes } from "../../oci/manifest.ts";
import { parseTag, type Reference, type Tag } from "../../oci/reference.ts";
import type { Location, TagVariant } from "../../storage/catalog.ts";
import type { StoredObject } from "../../storage/eviction/eviction.ts";
import { tagAbout } from "../../storage/eviction/tag-about.ts";
import type { ImageList, ImageListRequest, ListedImage } from "../../storage/images/image-list.ts";
import type { Sharers } from "../../storage/images/image-sharers.ts";
import type { PlainTarget } from "../../upstream/upstreams.ts";
import { locationOf } from "../rights/grants.ts";
import type { TagState } from "../tags/tag-decision.ts";
import type { Tags } from "../tags/tags.ts";
import { type ImageNode, ImageTrees, type ImageTreeTools } from "./image-tree.ts";
import { Platforms } from "./platforms.ts";

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

/** All that is known of one image. */
export interface ImageReport {
  /** null where a digest was asked for. */
  readonly tag: { readonly state: TagState; readonly variants: readonly TagVariant[] } | null;
  readonly tree: ImageNode;
  /** When it or a manifest of its index was pulled last, in ms since the epoch, and how often; 0 if never. */
  readonly lastAtMs: number;
  readonly pulls: number;
  readonly sharers: Sharers;
  /** The patterns that keep it from being evicted. */
  readonly pins: readonly string[];
  /** What is here about it: signatures, SBOMs. */
  readonly referrers: readonly { readonly digest: Digest; readonly artifactType: string | null }[];
}

export interface ImagesTools extends ImageTreeTools {
  readonly tags: Tags;
  readonly pins: () => Promise<readonly string[]>;
  /** Writes the pulls that were only noted yet. */
  readonly flush: () => Promise<void>;
}

// Each holds an open file.
const readAtOnce = 16;

// An image has some: a signature, an SBOM, a provenance for each of its platforms.
const referrersLimit = 50;

/** What operators ask of the stored images. Upstreams are not asked, and nothing is changed. */
export class Images {
  readonly #tools: ImagesTools;
  readonly #platforms: Platforms;
  readonly trees: ImageTrees;

  constructor(tools: ImagesTools) {
    this.#tools = tools;
    this.#platforms = new Platforms(tools.stored);
    this.trees = new ImageTrees(tools);
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

  /** null if nothing is known of it. */
  async inspect(target: PlainTarget, reference: Reference): Promise<ImageReport | null> {
    const { storage, flush } = this.#tools;
    const { catalog } = storage;
    await flush();
    const location = locationOf(target);
    const tree = await this.treeOf(target, reference);
    if (!tree) return null;
    const { digest } = tree;
    const tag = reference.kind === "tag" ? await this.#tag(target, reference.tag) : null;
    const nodes = [...nodesOf(tree)];
    const content = nodes.filter(({ kind }) => kind === "config" || kind === "layer");
    const own = nodes.filter((node) => !content.includes(node)).map((node) => node.digest);
    const accesses = await Promise.all(own.map((one) => catalog.access(one)));
    const shared = { content: content.map(storedObject), own };
    return {
      tag,
      tree,
      lastAtMs: Math.max(0, ...accesses.map((access) => access?.lastAtMs ?? 0)),
      pulls: Math.max(0, ...accesses.map((access) => access?.pulls ?? 0)),
      sharers: await catalog.ask({ kind: "sharers", shared }),
      pins: await this.#pinsOf(location, [reference, { kind: "digest", digest }]),
      referrers: await this.#referrers(location, digest),
    };
  }

  /** What it is made of, as far as that is known here; null if nothing is. */
  async treeOf(target: PlainTarget, reference: Reference): Promise<ImageNode | null> {
    const { catalog } = this.#tools.storage;
    const known =
      reference.kind === "tag" ? await catalog.tagVariants(locationOf(target), reference.tag) : [];
    const digest = reference.kind === "digest" ? reference.digest : known[0]?.digest;
    const tree = digest ? await this.trees.of(target, digest) : null;
    // Of another repository it may be, but not of this one.
    if (!tree || (known.length === 0 && tree.grant.provenAtMs === null)) return null;
    return tree;
  }

  async #summary(image: ListedImage): Promise<ImageSummary> {
    return { ...image, platforms: await this.#platforms.of(image), isComplete: isComplete(image) };
  }

  async #tag(target: PlainTarget, tag: Tag): Promise<ImageReport["tag"]> {
    const { storage, tags } = this.#tools;
    const variants = await storage.catalog.tagVariants(locationOf(target), tag);
    return variants.length === 0 ? null : { state: await tags.stateOf(target, tag), variants };
  }

  async #pinsOf(location: Location, references: readonly Reference[]): Promise<string[]> {
    const pins = await this.#tools.pins();
    const names = references.map((reference) => imageName(location, reference));
    return pins.filter((pin) => {
      const glob = ImageGlob.parse(pin);
      return names.some((name) => glob?.matches(name));
    });
  }

  async #referrers(location: Location, subject: Digest): Promise<ImageReport["referrers"]> {
    const { storage, stored } = this.#tools;
    const { catalog } = storage;
    const found = new Set(await catalog.referrers(location, subject, referrersLimit));
    const about = tagAbout(subject);
    for (const tag of about === null ? [] : await this.#tagsFrom(location, about)) {
      const record = await catalog.tag(location, tag, "");
      if (record) found.add(record.digest);
    }
    return await Promise.all(
      [...found].map(async (digest) => {
        const bytes = await stored.peek(digest, manifestLimitBytes);
        return { digest, artifactType: bytes && describeManifest(bytes, 0).artifactType };
      }),
    );
  }

  async #tagsFrom(location: Location, prefix: string): Promise<Tag[]> {
    const itself = parseTag(prefix);
    const behind = await this.#tools.storage.catalog.tags(location, prefix, referrersLimit);
    return [...(itself ? [itself] : []), ...behind.filter((tag) => tag.startsWith(prefix))];
  }
}

/** From the manifest down, in their order. */
export function* nodesOf(node: ImageNode): Generator<ImageNode> {
  yield node;
  for (const named of node.named) yield* nodesOf(named);
}

function storedObject({ digest, sizeBytes }: ImageNode): StoredObject {
  return { digest, sizeBytes };
}

function isComplete({ mediaType, missing, manifests }: ListedImage): boolean {
  if (mediaType === null || missing > 0) return false;
  return !isImageIndex(mediaType) || manifests.named === 0 || manifests.stored.length > 0;
}
