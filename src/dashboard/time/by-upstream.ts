import { h, type JSX } from "preact";
import type { TrafficStats } from "../../admin/traffic-schema.ts";
import { formatBytes } from "../../config/units.ts";
import { Name } from "../parts/name.ts";
import { type Column, Table } from "../parts/table.ts";
import { count, latency, percent } from "../words.ts";

type Row = TrafficStats["upstreams"][number];

/** The whole time, an upstream a row. */
export function ByUpstream({ upstreams }: { readonly upstreams: readonly Row[] }): JSX.Element {
  return h(Table<Row>, {
    label: "By upstream",
    columns,
    rows: upstreams,
    keyOf: ({ upstream }) => upstream,
  });
}

const columns: readonly Column<Row>[] = [
  { title: "Upstream", cell: ({ upstream }) => h(Name, { text: upstream }) },
  { title: "Requests", align: "right", cell: ({ sum }) => count(sum.requests) },
  { title: "Hits", align: "right", isMinor: true, cell: ({ sum }) => percent(sum.hitRate) },
  { title: "Saved", align: "right", cell: ({ sum }) => percent(sum.byteHitRate) },
  { title: "Sent", align: "right", isMinor: true, cell: ({ sum }) => formatBytes(sum.sentBytes) },
  {
    title: "Received",
    align: "right",
    isMinor: true,
    cell: ({ sum }) => formatBytes(sum.receivedBytes),
  },
  { title: "p50", align: "right", isMinor: true, cell: ({ sum }) => latency(sum.p50Ms) },
  { title: "p99", align: "right", isMinor: true, cell: ({ sum }) => latency(sum.p99Ms) },
  { title: "Errors", align: "right", cell: ({ sum }) => count(sum.outcomes.error) },
];
