import { h, type JSX } from "preact";
import type { EndpointStats } from "../../admin/endpoint-stats.ts";
import type { UpstreamLoad } from "../../admin/load.ts";
import type { Now } from "../../admin/routes/now.ts";
import type { Stats } from "../../admin/routes/stats.ts";
import { formatBytes, formatDuration } from "../../config/units.ts";
import { Badge, type Tone } from "../parts/badge.ts";
import { Name } from "../parts/name.ts";
import { type Column, Table } from "../parts/table.ts";
import { count, percent, shown } from "../words.ts";
import { type UpstreamState, upstreamsOf } from "./verdict.ts";

interface Row {
  readonly state: UpstreamState;
  /** null: nothing was asked for yet. */
  readonly stats: Stats["upstreams"][number] | null;
}

/** Each upstream: whether it answers, why not, and what came of it. */
export function UpstreamTable({ now }: { readonly now: Now }): JSX.Element {
  const rows = upstreamsOf(now.stats.endpoints).map((state) => ({
    state,
    stats: now.stats.upstreams.find(({ upstream }) => upstream === state.name) ?? null,
  }));
  return h(Table<Row>, {
    label: "Upstreams",
    columns,
    rows,
    keyOf: ({ state }) => state.name,
    below: ({ state }) =>
      whysOf(
        state,
        now.loads.find(({ upstream }) => upstream === state.name),
      ),
  });
}

const columns: readonly Column<Row>[] = [
  { title: "Upstream", cell: ({ state }) => h(Name, { text: state.name }) },
  { title: "State", cell: (row) => h(State, { row }) },
  { title: "Requests", align: "right", isMinor: true, cell: counted("requests") },
  { title: "Hits", align: "right", isMinor: true, cell: counted("hits") },
  { title: "Stale", align: "right", isMinor: true, cell: counted("stale") },
  { title: "Errors", align: "right", cell: counted("errors") },
  { title: "Sent", align: "right", isMinor: true, cell: bytes("sentBytes") },
  { title: "Received", align: "right", isMinor: true, cell: bytes("receivedBytes") },
  { title: "Saved", align: "right", cell: ({ stats }) => percent(stats?.byteHitRate ?? null) },
];

function counted(key: "requests" | "hits" | "stale" | "errors") {
  return ({ stats }: Row): string => count(stats?.[key] ?? 0);
}

function bytes(key: "sentBytes" | "receivedBytes") {
  return ({ stats }: Row): string => formatBytes(stats?.[key] ?? 0);
}

const words: Readonly<Record<UpstreamState["state"], readonly [Tone, string]>> = {
  up: ["good", "Up"],
  partly: ["warn", "Partly up"],
  down: ["bad", "Down"],
  offline: ["calm", "Offline"],
};

function State({ row: { state, stats } }: { readonly row: Row }): JSX.Element {
  // Nobody knows of one that was never asked.
  if (state.state === "up" && !stats?.requests) {
    return h(Badge, { tone: "calm", text: "Not asked yet" });
  }
  const [tone, text] = words[state.state];
  return h(Badge, { tone, text });
}

function whysOf(
  { endpoints }: UpstreamState,
  load: UpstreamLoad | undefined,
): JSX.Element[] | null {
  const whys = endpoints.flatMap((endpoint) => whyNot(endpoint) ?? []);
  if (load?.refuses) whys.push(whyRefused(load));
  return whys.length === 0
    ? null
    : whys.map((why) => h("p", { class: "why", key: why }, shown(why)));
}

function whyRefused(load: UpstreamLoad): string {
  const { connections, mostConnections, awaitingAnswer } = load;
  return `pulls are refused, for it is slow: ${count(awaitingAnswer)} requests wait for it; ${count(connections)} of ${count(mostConnections)} connections are in use`;
}

/** null of one that is asked. */
function whyNot({
  endpoint,
  state,
  reason,
  forSeconds,
  leftSeconds,
}: EndpointStats): string | null {
  if (state === "asked") return null;
  if (state === "offline") return `${endpoint} is offline by configuration`;
  const next = leftSeconds > 0 ? `asked again in ${leftSeconds}s` : "asked by the next pull";
  return `${endpoint} ${reason ?? "gives no answer"}, for ${formatDuration(forSeconds * 1000)}; ${next}`;
}
