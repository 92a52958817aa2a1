import { h, type JSX } from "preact";
import type { InspectedContent } from "../../admin/routes/inspect.ts";
import { formatBytes } from "../../config/units.ts";
import { Badge, type Tone } from "../parts/badge.ts";
import { shortDigest, shown } from "../words.ts";

interface Node {
  readonly content: InspectedContent;
  readonly named: Node[];
}

// An index has some dozen platforms; what names thousands is not meant for people.
const shownParts = 500;

/** What an image is made of: its index, the platforms, their config and layers. */
export function ImageTree({
  content,
}: {
  readonly content: readonly InspectedContent[];
}): JSX.Element {
  const roots = nested(content.slice(0, shownParts));
  const hidden = content.length - shownParts;
  return h("div", { class: "tree" }, [
    h(Branch, { nodes: roots }),
    hidden > 0 && h("p", { class: "empty" }, `… and ${hidden} more`),
  ]);
}

function Branch({ nodes }: { readonly nodes: readonly Node[] }): JSX.Element {
  return h(
    "ul",
    null,
    nodes.map(({ content, named }, at) =>
      h("li", { key: `${at} ${content.digest}` }, [
        h(Part, { content }),
        named.length > 0 && h(Branch, { nodes: named }),
      ]),
    ),
  );
}

function Part({ content }: { readonly content: InspectedContent }): JSX.Element {
  const { kind, platform, state, sizeBytes, digest, mediaType } = content;
  const [tone, text] = states[state];
  const title = platform === null ? kind : `${kind} ${shown(platform)}`;
  return h("div", { class: `part ${state}` }, [
    h("span", { class: "kind" }, title),
    h("code", { class: "digest", title: shown(digest) }, shortDigest(digest)),
    h("span", { class: "type minor" }, h("bdi", null, shown(mediaType))),
    h("span", { class: "size" }, formatBytes(sizeBytes)),
    state === "here" ? h("span", { class: "here" }, text) : h(Badge, { tone, text }),
  ]);
}

const states: Readonly<Record<InspectedContent["state"], readonly [Tone, string]>> = {
  here: ["good", "Here"],
  arriving: ["warn", "Arriving"],
  missing: ["calm", "Not here"],
  elsewhere: ["calm", "Elsewhere"],
};

/** What follows with a greater depth is named by it. */
function nested(content: readonly InspectedContent[]): Node[] {
  const roots: Node[] = [];
  const path: Node[] = [];
  for (const one of content) {
    const node = { content: one, named: [] };
    path.length = Math.min(path.length, one.depth);
    (path.at(-1)?.named ?? roots).push(node);
    path.push(node);
  }
  return roots;
}
