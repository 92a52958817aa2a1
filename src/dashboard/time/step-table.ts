import { h, type JSX } from "preact";
import { formatBytes } from "../../config/units.ts";
import { type Column, Table } from "../parts/table.ts";
import { count, latency, moment, percent } from "../words.ts";
import type { Point } from "./points.ts";

interface StepTableProps {
  readonly points: readonly Point[];
  /** How long a step is, in words. */
  readonly step: string;
}

/** The same as in the charts, in figures: the latest first, and only when something was asked for. */
export function StepTable({ points, step }: StepTableProps): JSX.Element {
  const rows = points.filter(
    (point) => point.requests + point.receivedBytes + point.failedFills > 0,
  );
  return h("details", { class: "figures-table" }, [
    h("summary", null, `As a table, ${step} a row`),
    h(Table<Point>, {
      label: `Traffic, ${step} a row`,
      columns,
      rows: rows.toReversed(),
      keyOf: ({ atMs }) => String(atMs),
    }),
  ]);
}

const columns: readonly Column<Point>[] = [
  { title: "From", cell: ({ atMs }) => moment(atMs) },
  { title: "Requests", align: "right", cell: ({ requests }) => count(requests) },
  { title: "Hits", align: "right", cell: ({ hitRate }) => percent(hitRate) },
  { title: "Saved", align: "right", cell: ({ byteHitRate }) => percent(byteHitRate) },
  { title: "Sent", align: "right", cell: ({ sentBytes }) => formatBytes(sentBytes) },
  { title: "Received", align: "right", cell: ({ receivedBytes }) => formatBytes(receivedBytes) },
  { title: "p50", align: "right", cell: ({ p50Ms }) => latency(p50Ms) },
  { title: "p99", align: "right", cell: ({ p99Ms }) => latency(p99Ms) },
  { title: "Errors", align: "right", cell: ({ errors }) => count(errors) },
  { title: "Failed fills", align: "right", cell: ({ failedFills }) => count(failedFills) },
];
