import { type Descriptor, describeManifest } from "../../oci/described-manifest.ts";
import type { Digest } from "../../oci/digest.ts";
import { manifestLimitBytes } from "../../oci/manifest.ts";
import type { PlainTarget } from "../../upstream/upstreams.ts";
import type { GrantState, Grants } from "../rights/grants.ts";
import type { StorageTools } from "../storage-tools.ts";
import type { StoredContent } from "../stored-content.ts";

/** Something that an image is made of, and what it names. */
export interface ImageNode {
  readonly kind: "index" | "manifest" | "config" | "layer";
  readonly digest: Digest;
  /** "" where nothing is said. */
  readonly mediaType: string;
  /** Of what is here; else as its manifest says. */
  readonly sizeBytes: number;
  /** As its index says. */
  readonly platform: string | null;
  /** "elsewhere": clients get it from another place than a registry. */
  readonly state: "here" | "arriving" | "missing" | "elsewhere";
  readonly grant: GrantState;
  /** In the order of the manifest; none of what is not here. */
  readonly named: readonly ImageNode[];
}

export interface ImageTreeTools {
  readonly storage: StorageTools;
  readonly stored: StoredContent;
  readonly grants: Grants;
  readonly isArriving: (target: PlainTarget, digest: Digest) => boolean;
}

// An image of forty layers for ten platforms has 420. A manifest may name 50,000, of which nobody reads a tree.
const nodesLimit = 2_000;

const depthLimit = 4;

/** Looks at an image from its manifest down. Nobody is asked, and nothing is changed by it. */
export class ImageTrees {
  readonly #tools: ImageTreeTools;

  constructor(tools: ImageTreeTools) {
    this.#tools = tools;
  }

  /** The first 2,000 of what the image is made of; null if its manifest was never here. */
  async of(target: PlainTarget, digest: Digest): Promise<ImageNode | null> {
    const mediaType = await this.#tools.storage.catalog.manifestMediaType(digest);
    if (mediaType === null) return null;
    const root = { digest, mediaType, sizeBytes: 0, platform: null, elsewhere: false };
    return await new Walk(this.#tools, target).node("manifest", root, 0);
  }
}

class Walk {
  readonly #tools: ImageTreeTools;
  readonly #target: PlainTarget;
  #leftNodes = nodesLimit;

  constructor(tools: ImageTreeTools, target: PlainTarget) {
    this.#tools = tools;
    this.#target = target;
  }

  async node(
    kind: "manifest" | "config" | "layer",
    descriptor: Descriptor,
    depth: number,
  ): Promise<ImageNode> {
    const { digest, mediaType, platform } = descriptor;
    const { storage, grants } = this.#tools;
    this.#leftNodes--;
    const blob = await storage.catalog.blob(digest);
    const named = blob && kind === "manifest" ? await this.#named(digest, depth + 1) : null;
    return {
      kind: named?.isIndex ? "index" : kind,
      digest,
      mediaType,
      sizeBytes: blob?.sizeBytes ?? descriptor.sizeBytes,
      platform,
      state: blob ? "here" : this.#stateOfAbsent(descriptor),
      grant: await grants.stateOf(this.#target, digest),
      named: named?.nodes ?? [],
    };
  }

  #stateOfAbsent({ digest, elsewhere }: Descriptor): ImageNode["state"] {
    if (this.#tools.isArriving(this.#target, digest)) return "arriving";
    return elsewhere ? "elsewhere" : "missing";
  }

  async #named(
    digest: Digest,
    depth: number,
  ): Promise<{ nodes: ImageNode[]; isIndex: boolean } | null> {
    const bytes = await this.#tools.stored.peek(digest, manifestLimitBytes);
    if (!bytes || depth > depthLimit) return null;
    const { config, layers, manifests } = describeManifest(bytes, this.#leftNodes);
    const nodes: ImageNode[] = [];
    const add = async (kind: "manifest" | "config" | "layer", one: Descriptor): Promise<void> => {
      if (this.#leftNodes > 0) nodes.push(await this.node(kind, one, depth));
    };
    for (const one of manifests) await add("manifest", one);
    if (config) await add("config", config);
    for (const one of layers) await add("layer", one);
    return { nodes, isIndex: manifests.length > 0 };
  }
}
