import { h, type JSX } from "preact";
import type { LimitStats } from "../../admin/limit-stats.ts";
import { Badge, type Tone } from "../parts/badge.ts";
import { Bar } from "../parts/bar.ts";
import { Name } from "../parts/name.ts";
import { count, longest, shown } from "../words.ts";

/** What registries have said of their limits: what is left, and for how long. */
export function LimitList({ limits }: { readonly limits: readonly LimitStats[] }): JSX.Element {
  if (limits.length === 0) {
    return h("p", { class: "empty" }, "No registry has spoken of a limit.");
  }
  return h(
    "ul",
    { class: "limits" },
    limits.map((limit) => h(LimitItem, { key: `${limit.endpoint} ${limit.account}`, limit })),
  );
}

function LimitItem({ limit: told }: { readonly limit: LimitStats }): JSX.Element {
  const { upstream, account, limit, remaining, windowSeconds, state } = told;
  const whose = account === "anonymous" ? "anonymous" : `account ${account}`;
  const known = limit !== null && remaining !== null;
  const window = windowSeconds === null ? "" : ` in ${longest(windowSeconds * 1000)}`;
  return h("li", null, [
    h("div", { class: "what" }, [
      h(Name, { text: upstream }),
      h("span", { class: "note" }, whose),
      h(Badge, toneOf[state]),
    ]),
    known &&
      h(Bar, {
        label: `Pulls left at ${shown(upstream)}, ${whose}`,
        share: remaining / Math.max(1, limit),
        tone: state === "empty" ? "bad" : state === "low" ? "warn" : "calm",
      }),
    h("div", { class: "figures" }, [
      h(
        "span",
        null,
        known
          ? `${count(remaining)} of ${count(limit)} pulls${window} left`
          : "It has not said how many",
      ),
      h("span", null, forecastOf(told)),
    ]),
  ]);
}

const toneOf: Readonly<Record<LimitStats["state"], { tone: Tone; text: string }>> = {
  unlimited: { tone: "good", text: "Unlimited" },
  fine: { tone: "good", text: "Fine" },
  low: { tone: "warn", text: "Low" },
  empty: { tone: "bad", text: "Used up" },
};

function forecastOf({ state, emptyInSeconds, waitSeconds }: LimitStats): string {
  if (waitSeconds > 0) return `asked again in ${longest(waitSeconds * 1000)}`;
  if (state === "empty" || state === "unlimited") return "";
  if (emptyInSeconds === null) return "lasts, as pulls go now";
  return `empty in ${longest(emptyInSeconds * 1000)}, as pulls go now`;
}
