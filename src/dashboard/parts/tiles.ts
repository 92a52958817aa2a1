import { type ComponentChildren, h, type JSX } from "preact";

export interface Tile {
  readonly label: string;
  readonly value: ComponentChildren;
  readonly note?: ComponentChildren;
  readonly picture?: ComponentChildren;
}

/** The few figures that a view is opened for. */
export function Tiles({ tiles }: { readonly tiles: readonly Tile[] }): JSX.Element {
  return h(
    "dl",
    { class: "tiles" },
    tiles.map(({ label, value, note, picture }) =>
      h("div", { class: "tile", key: label }, [
        h("dt", null, label),
        h("dd", { class: "value" }, value),
        note && h("dd", { class: "note" }, note),
        picture && h("dd", { class: "picture" }, picture),
      ]),
    ),
  );
}
