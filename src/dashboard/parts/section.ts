import { type ComponentChildren, h, type JSX } from "preact";

interface SectionProps {
  readonly title: string;
  /** What has to be known of it, beside the title. */
  readonly note?: ComponentChildren;
  readonly children?: ComponentChildren;
}

/** A part of a view, under its title. */
export function Section({ title, note, children }: SectionProps): JSX.Element {
  return h("section", { "aria-label": title }, [
    h("div", { class: "heading" }, [
      h("h2", null, title),
      note && h("div", { class: "note" }, note),
    ]),
    children,
  ]);
}
