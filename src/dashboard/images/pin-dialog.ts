import { h, type JSX } from "preact";
import { formatBytes } from "../../config/units.ts";
import type { PinReport } from "../../mirror/eviction/pins.ts";
import { order } from "../ask.ts";
import { Dialog } from "../parts/dialog.ts";
import { Name } from "../parts/name.ts";
import type { ActionProps } from "./purge-dialog.ts";

interface PinDialogProps extends ActionProps {
  readonly action: "pin" | "unpin";
}

/** Pins an image, or lets it go again. */
export function PinDialog({ name, action, onClose, onDone }: PinDialogProps): JSX.Element {
  const isPin = action === "pin";
  return h(
    Dialog,
    {
      title: isPin ? "Pin it?" : "Unpin it?",
      confirm: isPin ? "Pin" : "Unpin",
      carryOut: () => change(action, name),
      onClose,
      onDone,
    },
    [
      h("p", null, h(Name, { text: name })),
      h(
        "p",
        null,
        isPin
          ? "It is never evicted then, however long nobody pulls it."
          : "It may be evicted then, when room is needed and others are worth more.",
      ),
    ],
  );
}

async function change(action: "pin" | "unpin", name: string): Promise<string> {
  const { pinnedBytes, lowWatermarkBytes } = await order<PinReport>(action, { patterns: [name] });
  const done = action === "pin" ? "Pinned" : "Unpinned";
  return `${done}. All pins together keep ${formatBytes(pinnedBytes)}; evicting ends at ${formatBytes(lowWatermarkBytes)}.`;
}
