import { h, type JSX } from "preact";
import { percent } from "../words.ts";

/** How much of something there is, or is done. */
export function Bar({
  label,
  share,
  tone = "calm",
}: {
  readonly label: string;
  /** Of 1; null: it is not known. */
  readonly share: number | null;
  readonly tone?: "calm" | "warn" | "bad";
}): JSX.Element {
  const within = share === null ? null : Math.min(1, Math.max(0, share));
  return h(
    "div",
    {
      class: `bar ${tone}${within === null ? " unknown" : ""}`,
      role: "progressbar",
      "aria-label": label,
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      "aria-valuenow": within === null ? undefined : Math.round(100 * within),
      "aria-valuetext": within === null ? "not known" : percent(within),
    },
    h("div", { style: { width: `${100 * (within ?? 1)}%` } }),
  );
}
