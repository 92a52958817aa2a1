import { h, type JSX } from "preact";
import { useState } from "preact/hooks";
import type { PrefetchLine } from "../../admin/prefetch.ts";
import { formatBytes } from "../../config/units.ts";
import { follow, Refusal } from "../ask.ts";
import { Bar } from "../parts/bar.ts";
import { Dialog } from "../parts/dialog.ts";
import { Name } from "../parts/name.ts";
import type { ActionProps } from "./purge-dialog.ts";

interface Progress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Pulls an image before a client asks, and says how far that is. */
export function PrefetchDialog({ name, onClose, onDone }: ActionProps): JSX.Element {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [allPlatforms, setAllPlatforms] = useState(false);
  return h(
    Dialog,
    {
      title: "Prefetch it?",
      confirm: "Prefetch",
      carryOut: () => prefetch(name, allPlatforms ? ["all"] : [], setProgress),
      onClose,
      onDone,
    },
    [
      h("p", null, h(Name, { text: name })),
      h(
        "p",
        null,
        "The mirror pulls what of it is not here, as a client would. Upstream counts that as a pull.",
      ),
      h("label", { class: "check" }, [
        h("input", {
          type: "checkbox",
          checked: allPlatforms,
          onChange: () => setAllPlatforms(!allPlatforms),
        }),
        "Every platform of it, and not only that of the mirror’s machine",
      ]),
      progress && h(HowFar, { progress }),
    ],
  );
}

function HowFar({ progress }: { readonly progress: Progress }): JSX.Element {
  const { doneBytes, totalBytes } = progress;
  return h("div", { class: "how-far" }, [
    h(Bar, { label: "Prefetch", share: totalBytes === 0 ? null : doneBytes / totalBytes }),
    h(
      "p",
      { class: "note" },
      `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)} that are known of`,
    ),
  ]);
}

async function prefetch(
  name: string,
  platforms: readonly string[],
  tell: (progress: Progress) => void,
): Promise<string> {
  const lines = follow<PrefetchLine>("prefetch", { images: [name], platforms });
  for await (const line of lines) {
    if (line.kind === "failed") throw new Refusal(200, line.error);
    if (line.kind === "image" && line.error !== null) throw new Refusal(200, line.error);
    if (line.kind === "progress") tell(line);
    if (line.kind === "done")
      return `It is here: ${formatBytes(line.fetchedBytes)} came from upstream.`;
  }
  throw new Refusal(200, "The mirror ended in the middle of it.");
}
