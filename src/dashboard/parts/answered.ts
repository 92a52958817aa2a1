import { type ComponentChildren, h, type JSX } from "preact";
import type { Asked } from "../ask.ts";
import { shown } from "../words.ts";
import { Notice } from "./notice.ts";

interface AnsweredProps<T> {
  readonly asked: Asked<T>;
  readonly show: (answer: T) => ComponentChildren;
}

/** What was answered; or that it is on its way, or why there is nothing. */
export function Answered<T>({ asked, show }: AnsweredProps<T>): JSX.Element {
  switch (asked.kind) {
    case "asking":
      return h("p", { class: "waiting", role: "status" }, "Asking the mirror …");
    case "refused":
      return h(Notice, { kind: "warn" }, shown(asked.message));
    case "answered":
      return h(
        "div",
        { class: asked.isOld ? "old" : "", "aria-busy": asked.isOld },
        show(asked.answer),
      );
  }
}
