import { h, type JSX } from "preact";
import type { FillNow, Now } from "../../admin/routes/now.ts";
import { formatBytes } from "../../config/units.ts";
import { Bar } from "../parts/bar.ts";
import { ImageLink, Name } from "../parts/name.ts";
import type { Rates } from "../rates.ts";
import { longest, plural, shortDigest, shown } from "../words.ts";

/** What comes from upstreams at this moment. */
export function FillList({
  now,
  rates,
}: {
  readonly now: Now;
  readonly rates: Rates;
}): JSX.Element {
  if (now.fills.length === 0) {
    return h(
      "p",
      { class: "empty" },
      "Nothing: all that is asked for is here, or nothing is asked for.",
    );
  }
  return h(
    "ul",
    { class: "fills" },
    now.fills.map((fill) =>
      h(FillItem, {
        key: `${fill.upstream} ${fill.digest}`,
        fill,
        bytesPerSecond: rates.bytesPerSecondOf(fill.upstream, fill.digest),
      }),
    ),
  );
}

interface FillItemProps {
  readonly fill: FillNow;
  readonly bytesPerSecond: number | null;
}

function FillItem({ fill, bytesPerSecond }: FillItemProps): JSX.Element {
  const { upstream, repository, image, digest, doneBytes, totalBytes } = fill;
  const name = image ?? `${upstream}/${repository}`;
  return h("li", null, [
    h("div", { class: "what" }, [
      image === null ? h(Name, { text: name }) : h(ImageLink, { name: image }),
      h("code", { class: "digest" }, shortDigest(digest)),
    ]),
    h(Bar, {
      label: `${shown(name)} ${shortDigest(digest)}`,
      share: totalBytes === null ? null : doneBytes / Math.max(1, totalBytes),
    }),
    h("div", { class: "figures" }, [
      h("span", null, amountOf(fill)),
      h("span", null, speedOf(fill, bytesPerSecond)),
      h("span", null, fill.readers === 0 ? "nobody waits" : plural(fill.readers, "reader")),
    ]),
  ]);
}

function amountOf({ state, doneBytes, totalBytes }: FillNow): string {
  if (state === "connecting") return "asking upstream";
  if (state === "verified") return `${formatBytes(doneBytes)}, being stored`;
  return totalBytes === null
    ? formatBytes(doneBytes)
    : `${formatBytes(doneBytes)} of ${formatBytes(totalBytes)}`;
}

function speedOf({ state, doneBytes, totalBytes }: FillNow, perSecond: number | null): string {
  if (state !== "streaming" || perSecond === null) return "";
  if (perSecond === 0) return "no bytes now";
  const leftMs = totalBytes === null ? null : (1000 * (totalBytes - doneBytes)) / perSecond;
  const left = leftMs === null || leftMs < 1_000 ? "" : `, ${longest(leftMs)} left`;
  return `${formatBytes(perSecond)}/s${left}`;
}
