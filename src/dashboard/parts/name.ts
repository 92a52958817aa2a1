import { h, type JSX } from "preact";
import { imageHash } from "../route.ts";
import { shortDigest, shown } from "../words.ts";

/** A name that somebody else gave; it keeps its direction to itself. */
export function Name({ text }: { readonly text: string }): JSX.Element {
  return h("bdi", { class: "name", title: shown(text) }, shortDigest(shown(text)));
}

/** An image by its full name, and the way to its page. */
export function ImageLink({ name }: { readonly name: string }): JSX.Element {
  return h("a", { class: "image", href: imageHash(name) }, h(Name, { text: name }));
}
