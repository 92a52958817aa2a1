import { h, type JSX } from "preact";
import type { Now } from "../../admin/routes/now.ts";
import type { Stats } from "../../admin/routes/stats.ts";
import type { TrafficStats } from "../../admin/traffic-schema.ts";
import { formatBytes, formatDuration } from "../../config/units.ts";
import { useAsked } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { Section } from "../parts/section.ts";
import { Tabs } from "../parts/tabs.ts";
import { Tiles } from "../parts/tiles.ts";
import { hashOf, type Route } from "../route.ts";
import { go } from "../use-route.ts";
import { count, latency, percent, shown } from "../words.ts";
import { ByUpstream } from "./by-upstream.ts";
import { Charts } from "./charts.ts";
import { pointsOf } from "./points.ts";
import { StepTable } from "./step-table.ts";

const windows = [
  { name: "1h", title: "1 hour" },
  { name: "24h", title: "24 hours" },
  { name: "7d", title: "7 days" },
  { name: "30d", title: "30 days" },
] as const;

interface TimeViewProps {
  readonly route: Route;
  readonly now: Now | null;
}

/** How it was in the last hour, day, week and month, over restarts too. */
export function TimeView({ route: { query }, now }: TimeViewProps): JSX.Element {
  const window = windows.find(({ name }) => name === query["window"])?.name ?? "24h";
  const upstream = query["upstream"] ?? null;
  // A step is a minute at least.
  const minute = now === null ? null : Math.floor(Date.parse(now.at) / 60_000);
  const asked = useAsked<Stats>(`stats?window=${window}`, minute);
  const show = (next: Record<string, string>): void =>
    go(hashOf("time", { window, ...(upstream === null ? {} : { upstream }), ...next }));
  return h("div", { class: "view" }, [
    h("h1", null, "Over time"),
    h("div", { class: "controls" }, [
      h(Tabs, {
        label: "Time",
        tabs: windows,
        chosen: window,
        choose: (name) => show({ window: name }),
      }),
      h(UpstreamChoice, {
        names: now?.stats.endpoints.map((one) => one.upstream) ?? [],
        chosen: upstream,
        choose: (name) =>
          name === null ? go(hashOf("time", { window })) : show({ upstream: name }),
      }),
    ]),
    h(Answered<Stats>, {
      asked,
      show: ({ traffic }) => traffic && h(Traffic, { traffic, upstream }),
    }),
  ]);
}

interface UpstreamChoiceProps {
  readonly names: readonly string[];
  readonly chosen: string | null;
  readonly choose: (name: string | null) => void;
}

function UpstreamChoice({ names, chosen, choose }: UpstreamChoiceProps): JSX.Element {
  const all = [...new Set([...names, ...(chosen === null ? [] : [chosen])])];
  return h("label", { class: "inline" }, [
    "Upstream ",
    h(
      "select",
      {
        value: chosen ?? "",
        onChange: ({ currentTarget }: Event) => {
          const { value } = currentTarget as HTMLSelectElement;
          choose(value === "" ? null : value);
        },
      },
      [
        h("option", { value: "" }, "All together"),
        all.map((name) => h("option", { key: name, value: name }, shown(name))),
      ],
    ),
  ]);
}

interface TrafficProps {
  readonly traffic: TrafficStats;
  readonly upstream: string | null;
}

function Traffic({ traffic, upstream }: TrafficProps): JSX.Element {
  const points = pointsOf(traffic, upstream);
  const series =
    upstream === null ? traffic.total : traffic.upstreams.find((one) => one.upstream === upstream);
  const step = formatDuration(traffic.stepSeconds * 1000);
  if (!series || series.sum.requests + series.sum.fills === 0) {
    return h("p", { class: "empty" }, "Nothing was asked for in this time.");
  }
  const { sum } = series;
  const tiles = [
    {
      label: "Hit rate by bytes",
      value: percent(sum.byteHitRate),
      note: `${formatBytes(sum.savedBytes)} saved`,
    },
    {
      label: "Hit rate by requests",
      value: percent(sum.hitRate),
      note: `of ${count(sum.requests)}`,
    },
    {
      label: "To clients",
      value: formatBytes(sum.sentBytes),
      note: `${formatBytes(sum.receivedBytes)} from upstreams`,
    },
    { label: "Half of requests within", value: latency(sum.p50Ms), note: "to the last byte" },
    { label: "99 of 100 within", value: latency(sum.p99Ms), note: "to the last byte" },
    {
      label: "Errors",
      value: count(sum.outcomes.error),
      note: `${count(sum.failedFills)} of ${count(sum.fills)} fills failed`,
    },
  ];
  return h("div", { class: "view" }, [
    h(Tiles, { tiles }),
    h(Charts, { points, step }),
    h(Section, { title: "By upstream" }, h(ByUpstream, { upstreams: traffic.upstreams })),
    h(StepTable, { points, step }),
  ]);
}
