import { isAlias, isMap, isScalar, isSeq, type ParsedNode } from "yaml";
import type { KeyPath } from "./finding.ts";

/** A value somewhere in a document. */
export interface Spot {
  readonly path: KeyPath;
  readonly node: ParsedNode | null;
  /** Where its key begins, in characters from the start; null if it has none. */
  readonly keyOffset: number | null;
}

/** Every value in the document below `spot`, itself included, in the order of the file; aliases as such. */
export function* spotsOf(spot: Spot): Generator<Spot> {
  yield spot;
  for (const child of childrenOf(spot)) yield* spotsOf(child);
}

/** What stands at `step` in a table or list, the last if there are two; undefined if nothing does. */
export function childAt(spot: Spot, step: string | number): Spot | undefined {
  return childrenOf(spot).findLast(({ path }) => path.at(-1) === step);
}

/** Where a value begins, in characters from the start; null if nothing was written. */
export function valueOffset(node: ParsedNode | null): number | null {
  if (node === null) return null;
  const [start, end] = node.range;
  return start === end ? null : start;
}

/** The aliases of anchors that no value before them has. */
export function unanchored(spots: Iterable<Spot>): Spot[] {
  const anchors = new Set<string>();
  return [...spots].filter(({ node }) => {
    if (isAlias(node)) return !anchors.has(node.source);
    if (node?.anchor !== undefined) anchors.add(node.anchor);
    return false;
  });
}

function childrenOf({ node, path }: Spot): Spot[] {
  if (isMap<ParsedNode, ParsedNode | null>(node)) {
    return node.items.map(({ key, value }) => ({
      path: [...path, isScalar(key) ? String(key.value) : key.toString()],
      node: value,
      keyOffset: key.range[0],
    }));
  }
  if (!isSeq<ParsedNode>(node)) return [];
  return node.items.map((item, index) => ({ path: [...path, index], node: item, keyOffset: null }));
}
