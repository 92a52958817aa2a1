import type { Reference } from "../../oci/reference.ts";
import type { EndpointStatus } from "../../upstream/endpoints/endpoint-status.ts";
import type { PlainTarget } from "../../upstream/upstreams.ts";
import type { Manifests } from "../manifests.ts";
import type { PullRights, RightState } from "../rights/pull-rights.ts";
import type { Ruling } from "../tags/rules.ts";
import type { TagState } from "../tags/tag-decision.ts";
import type { Tags } from "../tags/tags.ts";
import type { ImageNode, ImageTrees } from "./image-tree.ts";

/** What a pull does first. */
export type Verdict =
  /** A rule says that it is not given. */
  | "denied"
  /** Upstream has just said that there is none. */
  | "not-found"
  /** Nothing is here: upstream is asked, and waited for. */
  | "asked"
  /** Answered at once. */
  | "answered"
  /** Answered at once, and upstream is asked behind the answer. */
  | "answered-and-asked"
  /** Upstream is asked before the answer, for a second at most where what is here may stand in. */
  | "asked-first"
  /** Upstream gave no answer a moment ago, or is left alone: answered as it was, and asked behind it. */
  | "answered-stale";

/** What a pull of an image would do now, and by what. */
export interface Explanation {
  readonly verdict: Verdict;
  readonly ruling: Ruling;
  /** Whether upstream shows the repository to everyone; null where our own right decides. */
  readonly shown: RightState | null;
  /** null for a digest. */
  readonly tag: TagState | null;
  /** null if the manifest is not here. */
  readonly tree: ImageNode | null;
  readonly endpoints: readonly EndpointStatus[];
}

export interface ExplainerTools {
  readonly tags: Tags;
  readonly manifests: Manifests;
  readonly rights: PullRights;
  readonly trees: ImageTrees;
}

/** Says what a pull would do, by what decides it. Nobody is asked, and nothing is changed. */
export class Explainer {
  readonly #tools: ExplainerTools;

  constructor(tools: ExplainerTools) {
    this.#tools = tools;
  }

  async explain(target: PlainTarget, reference: Reference): Promise<Explanation> {
    const { rights } = this.#tools;
    const common = {
      shown: await rights.stateOf(target),
      endpoints: target.upstream.statuses,
    };
    return reference.kind === "tag"
      ? { ...common, ...(await this.#byTag(target, reference)) }
      : { ...common, ...(await this.#byDigest(target, reference)) };
  }

  async #byTag(
    target: PlainTarget,
    { tag: name }: Reference & { kind: "tag" },
  ): Promise<Omit<Explanation, "shown" | "endpoints">> {
    const tag = await this.#tools.tags.stateOf(target, name);
    const { ruling, decision } = tag;
    const known = "known" in decision ? decision.known : null;
    const tree = known && (await this.#tools.trees.of(target, known.manifest.digest));
    return { verdict: ruling.denial === null ? verdictOn(tag) : "denied", ruling, tag, tree };
  }

  async #byDigest(
    target: PlainTarget,
    { digest }: Reference & { kind: "digest" },
  ): Promise<Omit<Explanation, "shown" | "endpoints">> {
    const { manifests, trees } = this.#tools;
    const { ruling, isNotFound } = manifests.stateOf(target, digest);
    const tree = await trees.of(target, digest);
    const verdict = isNotFound ? "not-found" : verdictOnStored(tree);
    return { verdict: ruling.denial === null ? verdict : "denied", ruling, tag: null, tree };
  }
}

function verdictOn({ decision, isProven }: TagState): Verdict {
  switch (decision.kind) {
    case "not-found":
      return "not-found";
    case "ask":
      return "asked";
    case "hit":
      if (!isProven) return "asked-first";
      return decision.freshness === "fresh" ? "answered" : "answered-and-asked";
    case "revalidate":
      return decision.reason === null ? "asked-first" : "answered-stale";
  }
}

function verdictOnStored(tree: ImageNode | null): Verdict {
  switch (tree?.grant.age) {
    case undefined:
      return "asked";
    case "good":
      return "answered";
    case "aging":
      return "answered-and-asked";
    case "expired":
    case "never":
      return "asked-first";
  }
}
