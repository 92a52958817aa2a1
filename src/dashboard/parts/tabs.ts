import { h, type JSX } from "preact";

interface TabsProps<Name extends string> {
  readonly label: string;
  readonly tabs: readonly { readonly name: Name; readonly title: string }[];
  readonly chosen: Name;
  readonly choose: (name: Name) => void;
}

/** One of a few ways to look at the same. */
export function Tabs<Name extends string>({
  label,
  tabs,
  chosen,
  choose,
}: TabsProps<Name>): JSX.Element {
  const buttons = tabs.map(({ name, title }) =>
    h(
      "button",
      { type: "button", key: name, "aria-pressed": name === chosen, onClick: () => choose(name) },
      title,
    ),
  );
  return h("div", { class: "tabs", role: "group", "aria-label": label }, buttons);
}
