import { type ImageEntry, type ImagesAnswer, imagesLimit } from "../../admin/routes/images.ts";
import { ago } from "../../config/ago.ts";
import { formatBytes } from "../../config/units.ts";
import type { CommandOptions } from "../command-options.ts";
import { Notice } from "../output/notice.ts";
import { paint } from "../output/paint.ts";
import { printAnswer } from "../output/print-answer.ts";
import { shortened } from "../output/shortened.ts";
import { type Column, renderTable } from "../output/table.ts";
import { type ReachedMirror, reachMirror } from "../reached-mirror.ts";

export interface LsOptions extends CommandOptions {
  readonly sort: "name" | "size" | "pulled" | "pulls";
  /** Of a page. */
  readonly limit: number;
  /** Counted from 1. */
  readonly page: number;
}

// To look at each of a million blobs takes some seconds.
const timeoutMs = 60_000;

/** `sluice ls [GLOB]`: the images that are stored. */
export async function ls(glob: string | undefined, options: LsOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  using _notice = new Notice("looking at the images…");
  const answer = await pageOf(mirror, glob, options);
  const shown = { ...options, glob, nowMs: Date.now(), widthChars: process.stdout.columns };
  printAnswer(answer, options, () => render(answer, shown));
}

/** Cursors lead from page to page, so what is before the wanted one is asked for as well. */
async function pageOf(
  mirror: ReachedMirror,
  glob: string | undefined,
  { sort, limit, page }: LsOptions,
): Promise<ImagesAnswer> {
  const first = (page - 1) * limit;
  const images: ImageEntry[] = [];
  let cursor: string | null = null;
  for (;;) {
    const wanted = Math.min(imagesLimit, first + limit - images.length);
    const query = new URLSearchParams({ sort, limit: String(wanted) });
    if (glob !== undefined) query.set("glob", glob);
    if (cursor !== null) query.set("cursor", cursor);
    const path = `/api/v1/images?${query}`;
    const answer = (await mirror.ask({ path, timeoutMs })) as ImagesAnswer;
    images.push(...answer.images);
    cursor = answer.next;
    if (cursor === null || images.length >= first + limit) {
      return { ...answer, images: images.slice(first) };
    }
  }
}

interface Shown extends LsOptions {
  readonly glob: string | undefined;
  readonly nowMs: number;
  /** Of the terminal; undefined where nothing has to fit. */
  readonly widthChars: number | undefined;
}

/** The list for people. */
export function render({ images, matched, stored }: ImagesAnswer, shown: Shown): string {
  const { limit, page, glob } = shown;
  const all = `${stored.blobs} blobs with ${formatBytes(stored.bytes)} are stored`;
  if (stored.blobs === 0)
    return "Nothing is stored yet: what clients pull through the mirror is listed here.";
  if (matched === 0) return glob === undefined ? `No image is stored; ${all}.` : noMatch(glob);
  const first = (page - 1) * limit + 1;
  const last = first + images.length - 1;
  if (images.length === 0) return `There is no page ${page}: ${matched} images match.`;
  const which = images.length === matched ? "" : `Images ${first} to ${last} of `;
  const next = last < matched ? `; --page ${page + 1} goes on` : "";
  const footer = `${which}${matched} ${matched === 1 ? "image" : "images"}${next}; ${all}.`;
  return [tableOf(images, shown), "", footer].join("\n");
}

function noMatch(glob: string): string {
  return `No image matches ${glob}. A pattern is of the whole name: try '*${glob.replaceAll("*", "")}*'.`;
}

const columns: readonly Column[] = [
  { title: "IMAGE", align: "left" },
  { title: "DIGEST", align: "left" },
  { title: "PLATFORMS", align: "left" },
  { title: "SIZE", align: "right" },
  { title: "SHARED", align: "right" },
  { title: "PULLED", align: "right" },
  { title: "PULLS", align: "right" },
  { title: "HERE", align: "left" },
];

// With names that are shorter than this nobody can tell images apart, so the digest has to go first.
const nameChars = 30;

/** On a narrow terminal there are no digests, and names lose their middle. */
function tableOf(images: readonly ImageEntry[], { nowMs, widthChars }: Shown): string {
  const rows = images.map((image) => cellsOf(image, nowMs));
  if (widthChars === undefined) return renderTable(columns, rows);
  const restChars = widthChars - widthWithoutNames(columns, rows);
  if (restChars >= nameChars)
    return renderTable(
      columns,
      rows.map((row) => named(row, restChars)),
    );
  const narrow = columns.filter(({ title }) => title !== "DIGEST");
  const narrowRows = rows.map(([name = "", _digest, ...others]) => [name, ...others]);
  const narrowChars = widthChars - widthWithoutNames(narrow, narrowRows);
  return renderTable(
    narrow,
    narrowRows.map((row) => named(row, narrowChars)),
  );
}

function widthWithoutNames(shown: readonly Column[], rows: readonly string[][]): number {
  const [line = ""] = renderTable(
    shown,
    rows.map(([, ...others]) => ["", ...others]),
  )
    .split("\n")
    .sort((one, other) => other.length - one.length);
  return line.length - "IMAGE".length;
}

function named([name = "", ...others]: readonly string[], limitChars: number): string[] {
  return [shortened(name, Math.max(limitChars, "IMAGE".length)), ...others];
}

function cellsOf(image: ImageEntry, nowMs: number): string[] {
  const { name, digest, platforms, sizeBytes, sharedBytes, lastPullAt, pulls, complete } = image;
  return [
    name,
    digest.slice(digest.indexOf(":") + 1).slice(0, 12),
    platformsText(platforms),
    formatBytes(sizeBytes),
    formatBytes(sharedBytes),
    lastPullAt === null ? "never" : ago(Date.parse(lastPullAt), nowMs),
    String(pulls),
    complete ? "all" : paint("yellow", "partly"),
  ];
}

// Nearly all are of Linux.
function platformsText(platforms: readonly string[]): string {
  const [first, second, ...others] = platforms.map((one) => one.replace(/^linux\//, ""));
  if (others.length > 0) return `${first} +${others.length + 1}`;
  return [first, second].filter((one) => one !== undefined).join(", ");
}
