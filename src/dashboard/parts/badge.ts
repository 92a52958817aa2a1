import { h, type JSX } from "preact";

export type Tone = "good" | "warn" | "bad" | "calm";

/** A state in a word; its colour says nothing that the word does not. */
export function Badge({ tone, text }: { readonly tone: Tone; readonly text: string }): JSX.Element {
  return h("span", { class: `badge ${tone}` }, text);
}
