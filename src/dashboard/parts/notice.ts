import { type ComponentChildren, h, type JSX } from "preact";

/** Something that has to be known, before everything else. */
export function Notice({
  kind,
  children,
}: {
  readonly kind: "bad" | "warn" | "info";
  readonly children?: ComponentChildren;
}): JSX.Element {
  return h("div", { class: `notice ${kind}`, role: kind === "bad" ? "alert" : "status" }, children);
}
