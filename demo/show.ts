import { stdout } from "node:process";
import { styleText } from "node:util";
import { type Column, renderTable } from "../src/cli/output/table.ts";
import { formatBytes } from "../src/config/units.ts";
import type { SeenRequest } from "../test/support/fake-upstream.ts";
import type { Exchange, Pull } from "./client.ts";

type Style = Parameters<typeof styleText>[0];

export function line(text = ""): void {
  stdout.write(`${text}\n`);
}

export function heading(text: string): void {
  line();
  line(styled("bold", text));
  line();
}

const clientColumns: readonly Column[] = [
  { title: "client -> mirror", align: "left" },
  { title: "STATUS", align: "right" },
  { title: "CACHE", align: "left" },
  { title: "BYTES", align: "right" },
  { title: "TIME", align: "right" },
];

/** A line for each question of the client. */
export function showPull({ exchanges }: Pull): void {
  showTable(clientColumns, exchanges.map(rowOf), (at) => styleOf(exchanges[at]));
}

const upstreamColumns: readonly Column[] = [
  { title: "mirror -> upstream", align: "left" },
  { title: "STATUS", align: "right" },
];

/** A line for each question that upstream saw. */
export function showUpstream(requests: readonly SeenRequest[]): void {
  line();
  const rows = requests.map(({ method, target, status }) => [
    padded(`${method.padEnd(4)} ${shortened(target)}`),
    status === null ? "-" : String(status),
  ]);
  showTable(upstreamColumns, rows.length === 0 ? [[padded("no request came"), ""]] : rows);
  line();
}

/** The word of a `Cache-Status` (RFC 9211) that says how a pull was answered. */
export function cacheWord(cacheStatus: string | null): string {
  if (cacheStatus === null) return "-";
  const [, ...parameters] = cacheStatus.split("; ");
  if (parameters.includes("hit")) return "hit";
  if (parameters.includes("collapsed")) return "collapsed";
  if (parameters.includes("detail=revalidated")) return "revalidated";
  return parameters.includes("fwd=stale") ? "stale" : "miss";
}

export function milliseconds(durationMs: number): string {
  return `${durationMs.toFixed(1)} ms`;
}

function rowOf({ asked, status, cacheStatus, bytes, durationMs }: Exchange): string[] {
  const word = cacheWord(cacheStatus).padEnd("revalidated".length);
  const time = milliseconds(durationMs);
  return [padded(`GET  ${shortened(asked)}`), String(status), word, formatBytes(bytes), time];
}

// Both tables, one below the other, then have the same columns.
const requestChars = 34;

function padded(request: string): string {
  return request.padEnd(requestChars);
}

/** A path without repository and query, its digest as short as people write it. */
function shortened(target: string): string {
  return target
    .replace(/^\/v2\/.+\/(?=(?:manifests|blobs)\/)/, "")
    .replace(/\?.*$/, "")
    .replace(/(sha256:[0-9a-f]{12})[0-9a-f]+/, "$1");
}

function styleOf(exchange: Exchange | undefined): Style | null {
  const word = cacheWord(exchange?.cacheStatus ?? null);
  if (word === "-") return null;
  return word === "miss" ? "yellow" : "green";
}

function showTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  styleOfRow: (at: number) => Style | null = () => null,
): void {
  const [titles = "", ...lines] = renderTable(columns, rows).split("\n");
  line(styled("dim", titles));
  for (const [at, text] of lines.entries()) line(styled(styleOfRow(at), text));
}

/** Colour only where a terminal shows it and NO_COLOR does not forbid it: `styleText` looks. */
function styled(style: Style | null, text: string): string {
  return style === null ? text : styleText(style, text, { stream: stdout });
}
