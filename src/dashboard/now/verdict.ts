import type { EndpointStats } from "../../admin/endpoint-stats.ts";
import type { Now } from "../../admin/routes/now.ts";
import { formatBytes } from "../../config/units.ts";
import { longest, plural } from "../words.ts";

/** Whether the mirror works, in a sentence; and what is to be known beside it. */
export interface Verdict {
  readonly tone: "good" | "warn" | "bad";
  readonly headline: string;
  readonly details: readonly string[];
}

/** While nobody knows how it is. */
export const noAnswer: Verdict = {
  tone: "bad",
  headline: "The mirror gives no answer.",
  details: [],
};

/** What an operator is told first. */
export function verdictOf(now: Now): Verdict {
  if (!now.ready) {
    return { tone: "bad", headline: "The mirror cannot serve.", details: now.reasons };
  }
  const down = upstreamsOf(now.stats.endpoints).filter(({ state }) => state === "down");
  const troubles = [...diskTroubles(now), ...loadTroubles(now), ...limitTroubles(now)];
  if (down.length > 0) {
    return {
      tone: "warn",
      headline: `${listed(down.map(({ name }) => name))} ${down.length === 1 ? "gives" : "give"} no answer; what is stored is served.`,
      details: troubles,
    };
  }
  const [headline, ...details] = troubles;
  if (headline !== undefined) return { tone: "warn", headline, details };
  const isAsked = now.stats.upstreams.some(({ requests }) => requests > 0);
  const praise = isAsked ? "Everything works." : "Ready for the first pull.";
  return { tone: "good", headline: praise, details: [] };
}

/** An upstream with its endpoints, in the order of the configuration. */
export interface UpstreamState {
  readonly name: string;
  /** `partly` while some of its endpoints are left alone, `offline` where the configuration has it asked nothing. */
  readonly state: "up" | "partly" | "down" | "offline";
  readonly endpoints: readonly EndpointStats[];
}

export function upstreamsOf(endpoints: readonly EndpointStats[]): UpstreamState[] {
  const byName = Map.groupBy(endpoints, ({ upstream }) => upstream);
  return [...byName].map(([name, own]) => ({ name, state: stateOf(own), endpoints: own }));
}

function stateOf(endpoints: readonly EndpointStats[]): UpstreamState["state"] {
  const asked = endpoints.filter(({ state }) => state !== "offline");
  const up = asked.filter(({ state }) => state === "asked").length;
  if (asked.length === 0) return "offline";
  if (up === asked.length) return "up";
  return up > 0 ? "partly" : "down";
}

function diskTroubles({ disk, stats }: Now): string[] {
  const unstored = stats.upstreams.reduce((sum, one) => sum + one.unstored, 0);
  return [
    ...(disk.spareBytes < 0
      ? [
          `The disk is nearly full: ${formatBytes(-disk.spareBytes)} less than storage.minFree are free.`,
        ]
      : []),
    ...(disk.usedBytes > disk.highWatermarkBytes ? ["The store is above its high watermark."] : []),
    ...(unstored > 0
      ? [`${plural(unstored, "pull")} passed through unstored: the disk took no more.`]
      : []),
  ];
}

function loadTroubles({ loads }: Now): string[] {
  return loads
    .filter(({ refuses }) => refuses)
    .map(
      ({ upstream, awaitingAnswer }) =>
        `${upstream} is slow: ${plural(awaitingAnswer, "request")} wait${awaitingAnswer === 1 ? "s" : ""} for it, and others are refused.`,
    );
}

function limitTroubles({ stats }: Now): string[] {
  return stats.limits.flatMap(({ upstream, account, state, waitSeconds, emptyInSeconds }) => {
    const whose = `${upstream} (${account === "anonymous" ? account : `account ${account}`})`;
    if (waitSeconds > 0)
      return [`${whose} has asked to be left alone for ${longest(waitSeconds * 1000)}.`];
    if (state === "empty") return [`The rate limit of ${whose} is used up.`];
    if (state !== "low") return [];
    const when = emptyInSeconds === null ? "" : `, empty in ${longest(emptyInSeconds * 1000)}`;
    return [`The rate limit of ${whose} is low${when}.`];
  });
}

function listed(names: readonly string[]): string {
  return names.length < 3
    ? names.join(" and ")
    : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
