import { h, type JSX } from "preact";
import type { Now } from "../../admin/routes/now.ts";
import { formatBytes, formatDuration } from "../../config/units.ts";
import type { LiveState } from "../live-feed.ts";
import { Section } from "../parts/section.ts";
import { Spark } from "../parts/spark.ts";
import { type Tile, Tiles } from "../parts/tiles.ts";
import type { Rates } from "../rates.ts";
import { hashOf } from "../route.ts";
import { DiskBar } from "../storage/disk-bar.ts";
import { count, moment, percent, rate, shown } from "../words.ts";
import { FillList } from "./fill-list.ts";
import { FirstPull } from "./first-pull.ts";
import { LimitList } from "./limit-list.ts";
import { UpstreamTable } from "./upstream-table.ts";
import { noAnswer, type Verdict, verdictOf } from "./verdict.ts";

/** Does it work, what does it save, what is it doing. */
export function NowView({
  live,
  rates,
}: {
  readonly live: LiveState;
  readonly rates: Rates;
}): JSX.Element {
  const { now } = live;
  if (!now) return h("p", { class: "waiting", role: "status" }, "Waiting for the mirror …");
  const isNew = now.stats.upstreams.every(({ requests }) => requests === 0);
  const isOld = live.connection === "lost";
  return h("div", { class: "view" }, [
    h(Headline, { now, verdict: isOld ? noAnswer : verdictOf(now) }),
    isNew ? h(FirstPull, { now }) : h(Tiles, { tiles: tilesOf(now, rates) }),
    h(Section, { title: "Upstreams" }, h(UpstreamTable, { now })),
    h(Section, { title: "Filling now", note: fillNote(now) }, h(FillList, { now, rates })),
    h(Section, { title: "Rate limits of registries" }, h(LimitList, { limits: now.stats.limits })),
    h(
      Section,
      { title: "Disk", note: h("a", { href: hashOf("storage") }, "What fills it, what goes next") },
      h(DiskBar, { disk: now.disk }),
    ),
  ]);
}

interface HeadlineProps {
  readonly now: Now;
  readonly verdict: Verdict;
}

function Headline({ now, verdict }: HeadlineProps): JSX.Element {
  const { tone, headline, details } = verdict;
  return h("div", { class: `headline ${tone}` }, [
    h("h1", null, shown(headline)),
    details.length > 0 &&
      h(
        "ul",
        null,
        details.map((detail) => h("li", null, shown(detail))),
      ),
    h("p", { class: "note" }, sinceWords(now)),
  ]);
}

function sinceWords({ version, at, stats: { since } }: Now): string {
  if (since === null) return `sluice ${version}`;
  const forMs = Math.max(0, Date.parse(at) - Date.parse(since));
  return `sluice ${version}, counting for ${formatDuration(Math.floor(forMs / 1000) * 1000)}, since ${moment(Date.parse(since))}`;
}

function tilesOf({ stats }: Now, rates: Rates): Tile[] {
  const { total, upstreams } = stats;
  const { speeds, history } = rates;
  const sum = (key: "sentBytes" | "receivedBytes" | "requests" | "errors"): number =>
    upstreams.reduce((all, one) => all + one[key], 0);
  const perSecond = (bytes: number | undefined): string =>
    bytes === undefined ? "–" : `${formatBytes(bytes)}/s`;
  return [
    {
      label: "Saved",
      value: formatBytes(total.savedBytes),
      note: `of ${formatBytes(sum("sentBytes"))} sent, ${formatBytes(sum("receivedBytes"))} came from upstreams`,
    },
    { label: "Hit rate by bytes", value: percent(total.byteHitRate), note: "of the bytes sent" },
    {
      label: "Hit rate by requests",
      value: percent(total.hitRate),
      note: `of ${count(sum("requests"))} requests, ${count(sum("errors"))} with errors`,
    },
    {
      label: "Requests now",
      value: speeds ? `${rate(speeds.requestsPerSecond)}/s` : "–",
      picture: h(Spark, { values: history.map((one) => one.requestsPerSecond) }),
    },
    {
      label: "To clients now",
      value: perSecond(speeds?.sentBytesPerSecond),
      picture: h(Spark, { values: history.map((one) => one.sentBytesPerSecond) }),
    },
    {
      label: "From upstreams now",
      value: perSecond(speeds?.receivedBytesPerSecond),
      picture: h(Spark, { values: history.map((one) => one.receivedBytesPerSecond) }),
    },
  ];
}

function fillNote({ fills, stats }: Now): string {
  const hidden = stats.fillsInFlight - fills.length;
  return hidden > 0 ? `and ${count(hidden)} more` : "";
}
