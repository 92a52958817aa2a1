import { h, type JSX } from "preact";
import type { EvictionOutlook } from "../../admin/routes/eviction.ts";
import type { ToldVictim } from "../../admin/told-victim.ts";
import { formatBytes } from "../../config/units.ts";
import { withoutRepeats } from "../../oci/without-repeats.ts";
import { useAsked } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { ImageLink, Name } from "../parts/name.ts";
import { Section } from "../parts/section.ts";
import { type Column, Table } from "../parts/table.ts";
import { agoWords, count, plural, shown } from "../words.ts";

const shownVictims = 10;

/** What would be evicted if everything had to go, so that it shows what goes first; and what has to go now. */
export function NextToGo({ nowMs }: { readonly nowMs: number }): JSX.Element {
  const due = useAsked<EvictionOutlook>("evict?limit=1");
  const order = useAsked<EvictionOutlook>(`evict?toBytes=0&limit=${shownVictims}`);
  return h(Section, { title: "What goes next" }, [
    h(Answered<EvictionOutlook>, {
      asked: due,
      show: (plan) => h("p", { class: "note lead-in" }, dueWords(plan)),
    }),
    h(Answered<EvictionOutlook>, { asked: order, show: (plan) => h(Order, { plan, nowMs }) }),
  ]);
}

/** What an eviction would do at this moment. */
function dueWords({
  images,
  blobs,
  freedBytes,
  usedBytes,
  toBytes,
  spareBytes,
}: EvictionOutlook): string {
  if (images + blobs > 0) {
    const what = [
      ...(images > 0 ? [plural(images, "image")] : []),
      ...(blobs > 0 ? [plural(blobs, "single blob")] : []),
    ].join(" and ");
    return `An eviction now would throw away ${what}, and free ${formatBytes(freedBytes)}. It goes on in this order:`;
  }
  if (usedBytes <= toBytes && spareBytes >= 0) {
    return `Nothing has to go: less than the low watermark of ${formatBytes(toBytes)} is used. When room is needed, in this order:`;
  }
  return "Nothing can go.";
}

function Order({
  plan,
  nowMs,
}: {
  readonly plan: EvictionOutlook;
  readonly nowMs: number;
}): JSX.Element {
  const { victims, images, blobs, pinned, arriving } = plan;
  if (victims.length === 0) return h("p", { class: "empty" }, "There is nothing that could go.");
  const more = images + blobs - victims.length;
  const stays = [
    ...(pinned.roots > 0
      ? [
          `Pinned, and so left out: ${plural(pinned.roots, "image")}, as ${shown(pinned.names[0] ?? "one without a name")}`,
        ]
      : []),
    ...(arriving > 0 ? [`Being pulled, and so left out: ${plural(arriving, "image")}`] : []),
  ];
  return h("div", null, [
    h(Table<ToldVictim>, {
      label: "What goes next, in its order",
      columns: columnsAt(nowMs),
      rows: victims,
      keyOf: ({ root }) => root,
    }),
    more > 0 && h("p", { class: "note after" }, `… and ${count(more)} more.`),
    stays.map((words) => h("p", { class: "note after", key: words }, `${words}.`)),
  ]);
}

function columnsAt(nowMs: number): readonly Column<ToldVictim>[] {
  return [
    { title: "Image", cell: (victim) => h(VictimName, { victim }) },
    { title: "Why", isMinor: true, cell: (victim) => whyWords(victim) },
    { title: "Frees", align: "right", cell: ({ freedBytes }) => formatBytes(freedBytes) },
    {
      title: "Last pull",
      align: "right",
      cell: ({ lastPullAt }) => agoWords(lastPullAt, nowMs),
    },
    { title: "Pulls", align: "right", cell: ({ pulls }) => count(pulls) },
  ];
}

function VictimName({
  victim: { kind, root, names },
}: {
  readonly victim: ToldVictim;
}): JSX.Element {
  const [name, ...others] = withoutRepeats(names);
  if (kind === "blob" || name === undefined) return h(Name, { text: `${kind} ${root}` });
  return h("span", null, [
    h(ImageLink, { name }),
    others.length > 0 &&
      h("span", { class: "note" }, ` and ${plural(others.length, "other name")}`),
  ]);
}

function whyWords({ reason, kept }: ToldVictim): string {
  const why = reason === "idle" ? "not pulled for longer than maxIdle" : "worth least for its room";
  if (kept.objects === 0) return why;
  return `${why}; ${formatBytes(kept.bytes)} stay for ${plural(kept.sharedWith, "other")}`;
}
