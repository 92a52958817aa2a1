import { h, type JSX } from "preact";
import { useState } from "preact/hooks";
import { PinDialog, UnpinDialog } from "./pin-dialog.ts";
import { PrefetchDialog } from "./prefetch-dialog.ts";
import { PurgeDialog } from "./purge-dialog.ts";

interface ImageActionsProps {
  readonly name: string;
  /** What pins it. */
  readonly pins: readonly string[];
  readonly isHere: boolean;
  /** Called when something was changed. */
  readonly onDone: () => void;
}

type Action = "prefetch" | "pin" | "unpin" | "purge";

/** What can be done with an image; nothing happens before it was said what would. */
export function ImageActions({ name, pins, isHere, onDone }: ImageActionsProps): JSX.Element {
  const [open, setOpen] = useState<Action | null>(null);
  const dialog = { name, onClose: () => setOpen(null), onDone };
  const button = (action: Action, title: string, className = ""): JSX.Element =>
    h("button", { type: "button", class: className, onClick: () => setOpen(action) }, title);
  return h("div", { class: "actions", role: "group", "aria-label": "What can be done with it" }, [
    button("prefetch", "Prefetch …"),
    pins.includes(name) ? button("unpin", "Unpin …") : button("pin", "Pin …"),
    isHere && button("purge", "Purge …", "danger"),
    open === "prefetch" && h(PrefetchDialog, dialog),
    open === "pin" && h(PinDialog, dialog),
    open === "unpin" && h(UnpinDialog, dialog),
    open === "purge" && h(PurgeDialog, dialog),
  ]);
}
