import type { Digest } from "../../oci/digest.ts";
import type { Reference } from "../../oci/reference.ts";
import type { Location } from "../catalog.ts";

/** By name ascending; by the others what is largest, latest or most pulled comes first. */
export type ImageOrder = "name" | "size" | "pulled" | "pulls";

export interface ImageListRequest {
  /** A pattern of full names (`image-glob.ts`); null for all. */
  readonly glob: string | null;
  readonly sort: ImageOrder;
  readonly limit: number;
  /** Behind which image the list goes on; null for its beginning. */
  readonly after: ImageCursor | null;
}

/** A place in a list, whatever comes and goes around it. */
export interface ImageCursor {
  /** Of what is sorted by; 0 for names. */
  readonly value: number;
  readonly name: string;
}

/** A stored image under one of its names. */
export interface ListedImage extends Location {
  /** Its tag; its digest where nothing else leads to it. */
  readonly reference: Reference;
  readonly digest: Digest;
  /** null if the manifest itself is not stored. */
  readonly mediaType: string | null;
  /** Of all of it that is stored. */
  readonly sizeBytes: number;
  /** Of that, what other images name too. */
  readonly sharedBytes: number;
  /** How much of its manifests name, and is not stored; other manifests are not counted. */
  readonly missing: number;
  /** The manifests that its index names: those that are stored, and how many there are. */
  readonly manifests: { readonly stored: readonly Digest[]; readonly named: number };
  /** When it or a manifest of its index was pulled last, in ms since the epoch. */
  readonly lastAtMs: number;
  readonly pulls: number;
}

export interface ImageList {
  readonly images: readonly ListedImage[];
  /** How many images match, on all pages. */
  readonly matched: number;
  /** Where the next page begins; null on the last. */
  readonly next: ImageCursor | null;
}
