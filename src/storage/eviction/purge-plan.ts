import type { Digest } from "../../oci/digest.ts";
import type { Tag } from "../../oci/reference.ts";
import type { Location } from "../catalog.ts";
import type { Victim } from "./eviction.ts";

/** What goes because an operator names it. */
export interface PurgePlan {
  /** Names that are forgotten, in all variants. */
  readonly tags: readonly (Location & { readonly tag: Tag })[];
  /** Rights that are forgotten. */
  readonly grants: readonly (Location & { readonly digest: Digest })[];
  /** What nothing else needs or names: all of it goes. Their names are those that they had. */
  readonly victims: readonly Victim[];
  /** Space on the disk. */
  readonly freedBytes: number;
  /** Which of the patterns match nothing. */
  readonly unmatched: readonly string[];
}
