import { stripVTControlCharacters } from "node:util";
import type { InspectAnswer, InspectedContent } from "../../admin/routes/inspect.ts";
import { ago } from "../../config/ago.ts";
import { formatBytes, formatDuration } from "../../config/units.ts";
import type { CommandOptions } from "../command-options.ts";
import { paint } from "../output/paint.ts";
import { printAnswer } from "../output/print-answer.ts";
import { shortened } from "../output/shortened.ts";
import { terminal } from "../output/terminal.ts";
import { reachMirror } from "../reached-mirror.ts";

export interface Space {
  readonly nowMs: number;
  readonly widthChars: number;
}

/** `sluice inspect IMAGE`: what it is made of, what of that is here, who else needs it. */
export async function inspect(image: string, options: CommandOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  const path = `/api/v1/inspect?${new URLSearchParams({ image })}`;
  const answer = (await mirror.ask({ path })) as InspectAnswer;
  const space = { nowMs: Date.now(), widthChars: terminal().widthChars };
  printAnswer(answer, options, () => renderInspected(answer, space));
}

/** It for people: what is known in lines, then the tree. */
export function renderInspected(answer: InspectAnswer, space: Space): string {
  return [
    answer.name,
    ...factsOf(answer, space).map(([label, text]) => `${label.padEnd(labelChars)}${text}`),
    "",
    ...treeOf(answer.content, space),
  ].join("\n");
}

// A digest has 71 letters.
const labelChars = 9;

function factsOf(answer: InspectAnswer, { nowMs, widthChars }: Space): [string, string][] {
  const { digest, sizeBytes, tag, lastPullAt, pulls, pins, sharedWith, referrers } = answer;
  const pulled =
    lastPullAt === null ? "never" : `${ago(Date.parse(lastPullAt), nowMs)}, ${pulls} in all`;
  const roomChars = widthChars - labelChars;
  return [
    ["digest", digest],
    ["size", `${formatBytes(sizeBytes)} here`],
    ...(tag ? tagFacts(tag, nowMs) : []),
    ["pulled", pulled],
    ...pins.map((pin): [string, string] => ["pinned", `by ${pin}`]),
    ...sharedFacts(sharedWith, roomChars),
    ...referrers.map((one): [string, string] => {
      return [
        "referrer",
        shortened(`${one.artifactType ?? "of no type"} ${one.digest}`, roomChars),
      ];
    }),
  ];
}

function tagFacts(tag: NonNullable<InspectAnswer["tag"]>, nowMs: number): [string, string][] {
  const { checkedAt, freshness, freshUntil, staleUntil, variants } = tag;
  const believed = {
    fresh: freshUntil === null ? "fresh for ever" : `fresh for ${until(freshUntil, nowMs)}`,
    usable: "asked again behind the next answer",
    stale: "asked again before the next answer",
  }[freshness];
  const outage = staleUntil === null ? "for ever" : `for ${until(staleUntil, nowMs)}`;
  return [
    ["tag", `checked ${ago(Date.parse(checkedAt), nowMs)}, ${believed}`],
    ["outage", `the tag stands in for its upstream ${outage}`],
    ...variants.map(({ digest }): [string, string] => {
      return ["variant", `${shortened(digest, 30)} for clients that take other types`];
    }),
  ];
}

function until(time: string, nowMs: number): string {
  const leftSeconds = Math.ceil((Date.parse(time) - nowMs) / 1000);
  return leftSeconds <= 0 ? "no longer" : formatDuration(leftSeconds * 1000);
}

function sharedFacts(
  { manifests, names }: InspectAnswer["sharedWith"],
  roomChars: number,
): [string, string][] {
  if (manifests === 0) return [["shared", "with no other image"]];
  const shown = names.slice(0, 3).map(({ name, sharedBytes }): [string, string] => {
    const bytes = formatBytes(sharedBytes);
    return [
      "shared",
      `${bytes} with ${shortened(name, roomChars - bytes.length - " with ".length)}`,
    ];
  });
  const others = manifests - shown.length;
  return others > 0 ? [...shown, ["", `and with ${others} more manifests`]] : shown;
}

/** Lines of the tree; what of an index is not here is one line. */
function treeOf(content: readonly InspectedContent[], space: Space): string[] {
  const labels = content.map((node, at) => branchOf(content, at) + (node.platform ?? node.kind));
  const chars = Math.max(...labels.map(({ length }) => length)) + "  ".length;
  const room = { ...space, widthChars: space.widthChars - chars };
  return content.map((node, at) => (labels[at] ?? "").padEnd(chars) + lineOf(node, room));
}

/** How it hangs below what names it: a rule for each level that goes on behind it. */
function branchOf(content: readonly InspectedContent[], at: number): string {
  const { depth } = content[at] ?? { depth: 0 };
  if (depth === 0) return "";
  const goesOn = (level: number): boolean => {
    const next = content.slice(at + 1).find((one) => one.depth <= level);
    return next?.depth === level;
  };
  const rules = Array.from({ length: depth - 1 }, (_, above) =>
    goesOn(above + 1) ? "│  " : "   ",
  );
  return `${rules.join("")}${goesOn(depth) ? "├─ " : "└─ "}`;
}

const sizeChars = 9;
const stateChars = 9;
const digestChars = 12;

function lineOf(node: InspectedContent, { nowMs, widthChars }: Space): string {
  const { digest, mediaType, sizeBytes, state, provenAt } = node;
  const hex = digest.slice(digest.indexOf(":") + 1).slice(0, digestChars);
  const size = formatBytes(sizeBytes).padStart(sizeChars);
  const proof = proofText(node, provenAt === null ? null : ago(Date.parse(provenAt), nowMs));
  const start = `${hex} ${size}  ${painted(state)}`;
  const whole = [proof, shortType(mediaType)].filter((text) => text !== "").join("  ");
  const roomChars = widthChars - stripVTControlCharacters(start).length - "  ".length;
  const end = [whole, proof].find((text) => text.length <= roomChars) ?? "";
  return `${start}  ${end}`.trimEnd();
}

function painted(state: InspectedContent["state"]): string {
  const text = state.padEnd(stateChars);
  if (state === "here") return paint("green", text);
  return paint(state === "missing" ? "red" : "yellow", text);
}

function proofText({ state, proof }: InspectedContent, provenAgo: string | null): string {
  if (state === "missing" || state === "elsewhere") return "";
  if (provenAgo === null) return "not proven";
  return proof === "expired" ? "proof expired" : `proven ${provenAgo}`;
}

// What is the same in all of them says nothing.
function shortType(mediaType: string): string {
  return mediaType
    .replace(/^application\/vnd\./, "")
    .replace(/^(oci\.image|docker\.(container\.image|image|distribution))\./, "")
    .replace(/^(index|manifest|config|layer)\.v1[.+]?/, "")
    .replace(/\+?json$/, "");
}
