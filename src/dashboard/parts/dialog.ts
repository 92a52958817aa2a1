import { type ComponentChildren, h, type JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { sentenceOf } from "../ask.ts";
import { shown } from "../words.ts";
import { Notice } from "./notice.ts";

export interface DialogProps {
  readonly title: string;
  /** What the button says that does it; null: it cannot be done. */
  readonly confirm: string | null;
  readonly isDangerous?: boolean;
  /** Does it; resolves to what came of it, as a sentence. What it throws is shown. */
  readonly carryOut: () => Promise<string>;
  readonly onClose: () => void;
  /** Called when it was done. */
  readonly onDone: () => void;
  readonly children?: ComponentChildren;
}

type Phase =
  | { readonly kind: "asking" }
  | { readonly kind: "running" }
  | { readonly kind: "done"; readonly told: string }
  | { readonly kind: "failed"; readonly why: string };

/** Says what would happen, and does it when that was confirmed. */
export function Dialog(props: DialogProps): JSX.Element {
  const { title, confirm, isDangerous, onClose, children } = props;
  const element = useRef<HTMLDialogElement>(null);
  const [phase, setPhase] = useState<Phase>({ kind: "asking" });
  useEffect(() => element.current?.showModal(), []);
  const run = (): void => {
    setPhase({ kind: "running" });
    props.carryOut().then(
      (told) => {
        setPhase({ kind: "done", told });
        props.onDone();
      },
      (error: unknown) => setPhase({ kind: "failed", why: sentenceOf(error) }),
    );
  };
  const isOver = phase.kind === "done";
  const closeTitle = isOver ? "Close" : "Cancel";
  return h("dialog", { ref: element, "aria-labelledby": "dialog-title", onClose }, [
    h("h2", { id: "dialog-title" }, title),
    h("div", { class: "said" }, children),
    h(
      "div",
      { role: "status" },
      phase.kind === "done" && h(Notice, { kind: "info" }, shown(phase.told)),
    ),
    phase.kind === "failed" && h(Notice, { kind: "bad" }, shown(phase.why)),
    h("div", { class: "buttons" }, [
      h("button", { type: "button", onClick: () => element.current?.close() }, closeTitle),
      !isOver &&
        confirm !== null &&
        h(
          "button",
          {
            type: "button",
            class: isDangerous ? "danger" : "main",
            disabled: phase.kind === "running",
            onClick: run,
          },
          confirm,
        ),
    ]),
  ]);
}
