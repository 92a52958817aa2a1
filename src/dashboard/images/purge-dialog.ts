import { h, type JSX } from "preact";
import type { PurgeAnswer } from "../../admin/routes/purge.ts";
import { formatBytes } from "../../config/units.ts";
import { order } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { Dialog } from "../parts/dialog.ts";
import { Name } from "../parts/name.ts";
import { plural, shown } from "../words.ts";
import { usePlan } from "./use-plan.ts";

export interface ActionProps {
  readonly name: string;
  readonly onClose: () => void;
  readonly onDone: () => void;
}

type Plan = Extract<PurgeAnswer, { dryRun: true }>;

/** Purges an image, after it has said what goes with it. */
export function PurgeDialog({ name, onClose, onDone }: ActionProps): JSX.Element {
  const asked = usePlan(() => order<Plan>("purge", { dryRun: true, patterns: [name] }), name);
  const plan = asked.kind === "answered" ? asked.answer : null;
  return h(
    Dialog,
    {
      title: "Purge it?",
      confirm: plan && `Purge, freeing ${formatBytes(plan.freedBytes)}`,
      isDangerous: true,
      carryOut: () => purge(name),
      onClose,
      onDone,
    },
    [
      h("p", null, h(Name, { text: name })),
      h(Answered<Plan>, { asked, show: (answer) => h(WhatGoes, { plan: answer }) }),
    ],
  );
}

function WhatGoes({
  plan: { tags, victims, freedBytes, pinned },
}: {
  readonly plan: Plan;
}): JSX.Element {
  const objects = victims.reduce((sum, { freed }) => sum + freed.length, 0);
  const kept = victims.reduce((sum, one) => sum + one.kept.bytes, 0);
  return h("ul", { class: "facts-list" }, [
    h("li", null, `${plural(tags.length, "tag")} forgotten: ${shown(tags.join(", "))}.`),
    h("li", null, `${plural(objects, "blob")} removed, ${formatBytes(freedBytes)} freed.`),
    kept > 0 && h("li", null, `${formatBytes(kept)} stay, for other images need them.`),
    pinned.length > 0 &&
      h("li", null, `It is pinned by ${shown(pinned.join(", "))}: it goes all the same.`),
    h("li", null, "The next pull brings it from upstream again."),
  ]);
}

async function purge(name: string): Promise<string> {
  const done = await order<PurgeAnswer>("purge", { dryRun: false, patterns: [name] });
  const objects = done.dryRun ? 0 : done.objects;
  return `Purged: ${plural(objects, "blob")}, ${formatBytes(done.freedBytes)} freed.`;
}
