import { type ComponentChildren, h, type JSX } from "preact";
import { imageHash } from "../route.ts";
import { shortDigest, shown } from "../words.ts";

/** A name that somebody else gave; it keeps its direction to itself. */
export function Name({ text }: { readonly text: string }): JSX.Element {
  return h("bdi", { class: "name", title: shown(text) }, breakable(shortDigest(text)));
}

/** It may be cut into lines where it has parts. */
function breakable(text: string): ComponentChildren {
  return text.split(/(?<=[/:@])/).map((part, at) => (at === 0 ? part : [h("wbr", null), part]));
}

/** An image by its full name, and the way to its page. */
export function ImageLink({ name }: { readonly name: string }): JSX.Element {
  return h("a", { class: "image", href: imageHash(name) }, h(Name, { text: name }));
}
