import type { EvictionAnswer, EvictionOutlook } from "../../admin/routes/eviction.ts";
import type { ToldVictim } from "../../admin/told-victim.ts";
import { ago } from "../../config/ago.ts";
import { counted } from "../../config/counted.ts";
import { formatBytes } from "../../config/units.ts";
import type { Evicted } from "../../mirror/eviction/evictor.ts";
import { withoutRepeats } from "../../oci/without-repeats.ts";
import { percent } from "./percent.ts";
import { shortened } from "./shortened.ts";
import { type Column, renderTable } from "./table.ts";

export interface ReportSpace {
  readonly nowMs: number;
  readonly widthChars: number;
  /** How many victims are shown. */
  readonly limit: number;
}

/** What goes and why, or what went, for people. */
export function renderEviction(answer: EvictionAnswer, space: ReportSpace): string {
  return answer.dryRun ? renderPlan(answer, space) : renderEvicted(answer, space);
}

function renderPlan(plan: EvictionOutlook, space: ReportSpace): string {
  const { victims, freedBytes, usedBytes, limitBytes, spareBytes } = plan;
  const scarce =
    spareBytes < 0 ? [`minFree  ${formatBytes(-spareBytes)} too little are free on the disk`] : [];
  const stay = stayLines(plan, space);
  if (victims.length === 0) {
    const isEnough = usedBytes <= plan.toBytes && spareBytes >= 0;
    const headline = isEnough ? "Nothing has to go." : "Nothing can go.";
    return [headline, stateLine(plan, usedBytes), ...scarce, ...stay].join("\n");
  }
  const shared = victims.some(({ kept }) => kept.objects > 0)
    ? ["shared   stays: other images need it, as many as the number in brackets"]
    : [];
  return [
    `Would evict ${countOf(plan)} and free ${formatBytes(freedBytes)}, in this order:`,
    "",
    ...victimLines(plan, space),
    "",
    usageLine("used", usedBytes, limitBytes),
    stateLine(plan, Math.max(0, usedBytes - freedBytes), "then"),
    ...scarce,
    ...shared,
    ...stay,
  ].join("\n");
}

function renderEvicted(
  answer: Evicted & { readonly usedBytes: number; readonly limitBytes: number },
  space: ReportSpace,
): string {
  const { roots, objects, freedBytes, spared, usedBytes, toBytes } = answer;
  const headline =
    roots > 0
      ? `Evicted ${counted(roots, "image")} and freed ${formatBytes(freedBytes)} in ${counted(objects, "blob")}.`
      : `Nothing ${usedBytes <= toBytes ? "had to" : "could"} go.`;
  const sparedLines =
    spared > 0 ? [`spared   ${spared} that somebody pulled or needed meanwhile`] : [];
  return [headline, stateLine(answer, usedBytes), ...sparedLines, ...stayLines(answer, space)].join(
    "\n",
  );
}

interface Aimed {
  readonly limitBytes: number;
  readonly toBytes: number;
}

/** What is used, and whether that is what was aimed at. */
function stateLine({ limitBytes, toBytes }: Aimed, usedBytes: number, label = "used"): string {
  const aim = formatBytes(toBytes);
  const verdict = usedBytes > toBytes ? `the aim of ${aim} is not reached` : `the aim is ${aim}`;
  return `${usageLine(label, usedBytes, limitBytes)}; ${verdict}`;
}

function usageLine(label: string, usedBytes: number, limitBytes: number): string {
  const share = limitBytes > 0 ? ` (${percent(usedBytes / limitBytes)})` : "";
  return `${label.padEnd(9)}${formatBytes(usedBytes)} of ${formatBytes(limitBytes)}${share}`;
}

/** What would have gone but for something. */
function stayLines(
  { pinned, arriving }: Pick<EvictionOutlook, "pinned" | "arriving">,
  space: ReportSpace,
): string[] {
  const stay = arriving === 1 ? "1 image stays: it is" : `${arriving} images stay: they are`;
  const pulled = arriving === 0 ? [] : [`arriving ${stay} being pulled`];
  return [...pulled, ...pinnedLines(pinned, space)];
}

function pinnedLines(
  { roots, names }: EvictionOutlook["pinned"],
  { widthChars }: ReportSpace,
): string[] {
  if (roots === 0) return [];
  const others = roots > 1 ? ` and ${roots - 1} more` : "";
  const before = "pinned   ";
  const after = `${others} ${roots === 1 ? "stays" : "stay"} (sluice pin --list)`;
  const name = shortened(names[0] ?? "an image", widthChars - before.length - after.length);
  return [`${before}${name}${after}`];
}

function countOf({ images, blobs }: EvictionOutlook): string {
  const parts = [
    ...(images > 0 ? [counted(images, "image")] : []),
    ...(blobs > 0 ? [counted(blobs, "blob")] : []),
  ];
  return parts.join(" and ");
}

const reasons: Readonly<Record<ToldVictim["reason"], string>> = {
  idle: "Not pulled for longer than eviction.maxIdle:",
  purge: "Named by the command, and by nothing else that stays:",
  size: "Worth least for the room they take, by pulls, last pull and size:",
};

const columns: readonly Column[] = [
  { title: "IMAGE", align: "left" },
  { title: "FREES", align: "right" },
  { title: "LAST PULL", align: "right" },
  { title: "PULLS", align: "right" },
  { title: "SHARED", align: "left" },
];

const indent = "  ";

const columnGapChars = 2;

/** A table of what goes; its rows stand below their reasons. */
export function renderVictims(victims: readonly ToldVictim[], space: ReportSpace): string {
  return victimLines({ victims, images: victims.length, blobs: 0 }, space).join("\n");
}

function victimLines(
  { victims, images, blobs }: Pick<EvictionOutlook, "victims" | "images" | "blobs">,
  space: ReportSpace,
): string[] {
  const shown = victims.slice(0, space.limit);
  const shares = shown.some(({ kept }) => kept.objects > 0);
  const table = { columns: shares ? columns : columns.slice(0, -1), space };
  const [titles = "", ...rows] = renderTable(table.columns, rowsOf(shown, table)).split("\n");
  const lines = rows.flatMap((row, at) => {
    const reason = shown[at]?.reason ?? "size";
    return reason === shown[at - 1]?.reason ? [row] : [reasons[reason], row];
  });
  const hidden = images + blobs - shown.length;
  const more = hidden > 0 ? [`${indent}… and ${hidden} more, see --limit or --json`] : [];
  return [titles, ...lines, ...more];
}

interface VictimTable {
  readonly columns: readonly Column[];
  readonly space: ReportSpace;
}

/** The names take what the figures leave of a line. */
function rowsOf(victims: readonly ToldVictim[], { columns, space }: VictimTable): string[][] {
  const figures = victims.map((victim) => figuresOf(victim, space.nowMs));
  const widths = columns.slice(1).map(({ title }, at) => {
    return Math.max(title.length, ...figures.map((row) => row[at]?.length ?? 0)) + columnGapChars;
  });
  const nameChars = space.widthChars - widths.reduce((sum, width) => sum + width, 0);
  return victims.map((victim, at) => [nameOf(victim, nameChars), ...(figures[at] ?? [])]);
}

function figuresOf({ freedBytes, lastPullAt, pulls, kept }: ToldVictim, nowMs: number): string[] {
  const others = kept.sharedWith > 0 ? ` (${kept.sharedWith})` : "";
  return [
    formatBytes(freedBytes),
    lastPullAt === null ? "never" : ago(Date.parse(lastPullAt), nowMs),
    String(pulls),
    kept.objects === 0 ? "" : `${formatBytes(kept.bytes)}${others}`,
  ];
}

function nameOf({ kind, names, root }: ToldVictim, widthChars: number): string {
  const [name, ...others] = withoutRepeats(names);
  const more = kind === "image" && others.length > 0 ? ` +${others.length}` : "";
  const written = kind === "blob" ? `blob ${root}` : (name ?? root);
  const room = Math.max(16, widthChars - indent.length - more.length);
  return `${indent}${shortened(written, room)}${more}`;
}
