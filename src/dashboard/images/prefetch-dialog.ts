import { h, type JSX } from "preact";
import { useState } from "preact/hooks";
import type { PrefetchLine } from "../../admin/routes/prefetch.ts";
import { formatBytes } from "../../config/units.ts";
import type { PrefetchPlan } from "../../mirror/prefetch/prefetch-plan.ts";
import { follow, Refusal } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { Bar } from "../parts/bar.ts";
import { Dialog } from "../parts/dialog.ts";
import { Name } from "../parts/name.ts";
import { Notice } from "../parts/notice.ts";
import { plural, shown } from "../words.ts";
import type { ActionProps } from "./purge-dialog.ts";
import { usePlan } from "./use-plan.ts";

interface Progress {
  readonly doneBytes: number;
  readonly totalBytes: number;
}

/** Pulls an image before a client asks, and says how far that is. */
export function PrefetchDialog({ name, onClose, onDone }: ActionProps): JSX.Element {
  const [progress, setProgress] = useState<Progress | null>(null);
  const [allPlatforms, setAllPlatforms] = useState(false);
  const platforms = allPlatforms ? ["all"] : [];
  const plan = usePlan(() => planOf(name, platforms), platforms.join());
  return h(
    Dialog,
    {
      title: "Prefetch it?",
      confirm: "Prefetch",
      carryOut: () => prefetch(name, platforms, setProgress),
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
      progress
        ? h(HowFar, { progress })
        : h(Answered<PrefetchPlan>, { asked: plan, show: (one) => h(WhatComes, { plan: one }) }),
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

function WhatComes({ plan }: { readonly plan: PrefetchPlan }): JSX.Element {
  const { digest, missingBlobs, missingBytes, presentBytes, unknownManifests, error } = plan;
  if (error !== null) return h(Notice, { kind: "warn" }, shown(`It would fail: ${error}`));
  if (digest === null)
    return h("p", null, "Nothing of it is known here; its registry says how much that is.");
  const least = unknownManifests > 0 ? "at least " : "";
  return h("ul", { class: "facts-list" }, [
    missingBlobs === 0
      ? h("li", null, "Nothing of it is missing.")
      : h(
          "li",
          null,
          `${plural(missingBlobs, "blob")} missing, ${least}${formatBytes(missingBytes)}.`,
        ),
    h("li", null, `${formatBytes(presentBytes)} are here.`),
    h("li", null, "Where its tag has moved meanwhile, what it means now is fetched."),
  ]);
}

async function planOf(name: string, platforms: readonly string[]): Promise<PrefetchPlan> {
  const order = { images: [name], platforms, dryRun: true };
  for await (const line of follow<PrefetchLine>("prefetch", order)) {
    if (line.kind === "plan") return line;
    if (line.kind === "failed") throw new Refusal(200, line.error);
  }
  throw new Refusal(200, "The mirror ended in the middle of it.");
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
