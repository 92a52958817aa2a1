import { h, type JSX } from "preact";
import { formatBytes } from "../../config/units.ts";
import type { PinReport } from "../../mirror/eviction/pins.ts";
import { order } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { Dialog } from "../parts/dialog.ts";
import { Name } from "../parts/name.ts";
import { plural } from "../words.ts";
import type { ActionProps } from "./purge-dialog.ts";
import { usePlan } from "./use-plan.ts";

/** Pins an image, after it has said what that keeps. */
export function PinDialog({ name, onClose, onDone }: ActionProps): JSX.Element {
  const asked = usePlan(() => order<PinReport>("pin", { dryRun: true, patterns: [name] }), name);
  return h(
    Dialog,
    {
      title: "Pin it?",
      confirm: asked.kind === "answered" ? "Pin" : null,
      carryOut: () => change("pin", name),
      onClose,
      onDone,
    },
    [
      h("p", null, h(Name, { text: name })),
      h("p", null, "It is never evicted then, however long nobody pulls it."),
      h(Answered<PinReport>, { asked, show: (report) => h(WhatStays, { name, report }) }),
    ],
  );
}

/** Lets an image go again. */
export function UnpinDialog({ name, onClose, onDone }: ActionProps): JSX.Element {
  return h(
    Dialog,
    {
      title: "Unpin it?",
      confirm: "Unpin",
      carryOut: () => change("unpin", name),
      onClose,
      onDone,
    },
    [
      h("p", null, h(Name, { text: name })),
      h("p", null, "It may be evicted then, when room is needed and others are worth more."),
    ],
  );
}

function WhatStays({
  name,
  report: { pins, pinnedBytes, lowWatermarkBytes },
}: {
  readonly name: string;
  readonly report: PinReport;
}): JSX.Element {
  const images = pins.find(({ pattern }) => pattern === name)?.images ?? 0;
  return h("ul", { class: "facts-list" }, [
    h(
      "li",
      null,
      `${plural(images, "image")} that ${images === 1 ? "is" : "are"} here by this name.`,
    ),
    h(
      "li",
      null,
      `All pins together would keep ${formatBytes(pinnedBytes)}; ${ending(lowWatermarkBytes)}.`,
    ),
    pinnedBytes > lowWatermarkBytes &&
      h("li", null, "That is more than evicting leaves: new images may find no room."),
  ]);
}

function ending(lowWatermarkBytes: number): string {
  return `evicting ends at ${formatBytes(lowWatermarkBytes)}`;
}

async function change(action: "pin" | "unpin", name: string): Promise<string> {
  const { pinnedBytes, lowWatermarkBytes } = await order<PinReport>(action, { patterns: [name] });
  const done = action === "pin" ? "Pinned" : "Unpinned";
  return `${done}. All pins together keep ${formatBytes(pinnedBytes)}; ${ending(lowWatermarkBytes)}.`;
}
