import { h, type JSX } from "preact";
import { useState } from "preact/hooks";

/** Text that is taken elsewhere, and a button that does so. */
export function Copied({
  label,
  text,
}: {
  readonly label: string;
  readonly text: string;
}): JSX.Element {
  const [told, setTold] = useState<"" | "Copied" | "Select it by hand">("");
  const copy = (): void => {
    // Browsers let only pages of a secure context copy: https, or this machine.
    const done = navigator.clipboard?.writeText(text) ?? Promise.reject(new Error("no clipboard"));
    done.then(
      () => setTold("Copied"),
      () => setTold("Select it by hand"),
    );
  };
  return h("div", { class: "copied" }, [
    h("pre", { tabIndex: 0, "aria-label": label }, h("code", null, text)),
    h("button", { type: "button", onClick: copy, "aria-label": `Copy ${label}` }, told || "Copy"),
    h("span", { class: "unseen", role: "status" }, told),
  ]);
}
