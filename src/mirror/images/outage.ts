import type { Explanation } from "./explainer.ts";
import type { ImageNode } from "./image-tree.ts";
import { nodesOf } from "./images.ts";

/** Why an image, or some of it, would not be had while its upstream gives no answer. */
export interface OutageProblem {
  readonly kind: /** A rule denies it, or lets it pass without a copy. */
    | "denied"
    | "not-kept"
    /** Its manifest is not here. */
    | "unknown"
    /** Its tag was checked too long ago. */
    | "too-old"
    /** Upstream never showed the repository to everyone. */
    | "not-public"
    /** An index is here, and nothing that it names. */
    | "no-platform"
    /** Config or layers that are not here. */
    | "missing"
    /** What is here, but was never proven to be of this repository. */
    | "unproven";
  /** Of how much that is; 0 for what is about the image as a whole. */
  readonly count: number;
  readonly bytes: number;
}

/** What would fail of the platforms that are here; nothing for an image that survives. */
export function outageProblems(explanation: Explanation): OutageProblem[] {
  const obstacle = obstacleTo(explanation);
  return obstacle ? [whole(obstacle)] : gapsIn(explanation);
}

/** Why nothing of it would be given. */
function obstacleTo({ ruling, shown, tree, tag }: Explanation): OutageProblem["kind"] | null {
  if (ruling.denial !== null) return "denied";
  if (!ruling.keeps) return "not-kept";
  if (shown?.provenAtMs === null) return "not-public";
  if (tree?.state !== "here") return "unknown";
  return tag && !tag.holdsIfDown ? "too-old" : null;
}

function gapsIn({ tree, tag }: Explanation): OutageProblem[] {
  if (!tree) return [];
  const nodes = [...nodesOf(pulledOf(tree))];
  if (tree.kind === "index" && nodes.length === 1) return [whole("no-platform")];
  const absent = nodes.filter(({ state }) => state === "missing" || state === "arriving");
  // What a tag means is given for the tag's sake.
  const unproven = nodes.filter((node) => {
    return node.state === "here" && !node.grant.holdsIfDown && !(tag && node === nodes[0]);
  });
  return [...sumOf("missing", absent), ...sumOf("unproven", unproven)];
}

/** The image without the platforms that nobody pulled. */
function pulledOf(tree: ImageNode): ImageNode {
  if (tree.kind !== "index") return tree;
  return { ...tree, named: tree.named.filter(({ state }) => state === "here") };
}

function whole(kind: OutageProblem["kind"]): OutageProblem {
  return { kind, count: 0, bytes: 0 };
}

/** None where there are no nodes. */
function sumOf(kind: OutageProblem["kind"], nodes: readonly ImageNode[]): OutageProblem[] {
  if (nodes.length === 0) return [];
  const bytes = nodes.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  return [{ kind, count: nodes.length, bytes }];
}
