import type { KnownTag } from "./known-tags.ts";
import type { Ruling } from "./rules.ts";

/** What a pull of a tag does first. */
export type TagDecision =
  /** Upstream has just said that there is none. */
  | { readonly kind: "not-found" }
  /** Nothing is here: upstream is asked. */
  | { readonly kind: "ask" }
  /** Answered as it was; if it is only usable, upstream is asked behind the answer. */
  | { readonly kind: "hit"; readonly known: KnownTag; readonly freshness: "fresh" | "usable" }
  /** Upstream is asked, for a second at most where what is here may stand in; behind the answer if `reason` says why. */
  | { readonly kind: "revalidate"; readonly known: KnownTag; readonly reason: string | null };

export interface TagState {
  readonly ruling: Ruling;
  readonly decision: TagDecision;
  /** Whether its last check is proof enough that the repository may have what it means, or there is another one. */
  readonly isProven: boolean;
  /** Whether it is answered as it was while upstream gives no answer. */
  readonly holdsIfDown: boolean;
}
