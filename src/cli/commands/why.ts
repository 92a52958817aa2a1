import type { WhyAnswer } from "../../admin/routes/why.ts";
import { ago } from "../../config/ago.ts";
import { formatDuration } from "../../config/units.ts";
import { outageWords } from "../../mirror/images/outage-words.ts";
import type { CommandOptions } from "../command-options.ts";
import { printAnswer } from "../output/print-answer.ts";
import { shortened } from "../output/shortened.ts";
import { terminal } from "../output/terminal.ts";
import { wrapped } from "../output/wrapped.ts";
import { reachMirror } from "../reached-mirror.ts";

export interface WhyOptions extends CommandOptions {
  readonly user?: string;
  /** An address. */
  readonly from?: string;
}

/** `sluice why IMAGE`: what a pull of it would do now, in words. */
export async function why(image: string, options: WhyOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  const { user, from: address } = options;
  const caller = { ...(user === undefined ? {} : { user }), ...(address && { address }) };
  const path = `/api/v1/why?${new URLSearchParams({ image, ...caller })}`;
  const answer = (await mirror.ask({ path })) as WhyAnswer;
  printAnswer(answer, options, () => renderWhy(answer, Date.now(), terminal().widthChars));
}

const labelChars = 10;

/** It for people: the verdict, then what led to it. */
function renderWhy(answer: WhyAnswer, nowMs: number, widthChars: number): string {
  const facts: [label: string, text: string][] = [
    ["pull", verdictWords(answer)],
    ["route", routeWords(answer)],
    ["rule", ruleWords(answer)],
    ...callerWords(answer),
    ...shownWords(answer, nowMs),
    ["known", knownWords(answer, nowMs)],
    ["content", contentWords(answer)],
    ...answer.endpoints.map((one): [string, string] => ["endpoint", endpointWords(one)]),
    ["outage", outageOf(answer)],
  ];
  const lines = facts.flatMap(([label, text]) =>
    wrapped(text, widthChars - labelChars).map((line, at) => {
      return `${(at === 0 ? label : "").padEnd(labelChars)}${line}`;
    }),
  );
  return [answer.name, ...lines].join("\n");
}

function verdictWords({ verdict, upstream, trouble, rule, known, outage }: WhyAnswer): string {
  switch (verdict) {
    case "denied":
      return `refused with 403, by ${rule.place}: ${rule.denial}`;
    case "not-found":
      return `answered with 404 at once: ${upstream} has just said that there is none`;
    case "asked":
      return `${upstream} is asked and waited for: nothing is here that could be answered`;
    case "answered":
      return `answered at once from what is here; ${upstream} is not asked`;
    case "answered-and-asked":
      return `answered at once from what is here, and ${upstream} is asked behind the answer`;
    case "asked-first":
      return known?.checkedAt && outage.length === 0
        ? `${upstream} is asked first; after a second without an answer, what is here is served`
        : `${upstream} is asked first`;
    case "answered-stale":
      return `answered from what is here, as stale: ${trouble}; it is asked behind the answer`;
  }
}

function routeWords({ route, upstream }: WhyAnswer): string {
  switch (route) {
    case "prefix":
      return `to ${upstream}, which the name begins with`;
    case "alias":
      return `to ${upstream}, of which the name has an alias`;
    case "default":
      return `to ${upstream}, the default: the name begins with no upstream`;
  }
}

function ruleWords({ rule }: WhyAnswer): string {
  const by = rule.place ?? "freshness; no rule matches";
  if (rule.denial !== null) return by;
  if (!rule.keeps) return `${by}: passes through, nothing is stored`;
  const { ttlMs, staleWhileRevalidateMs, staleIfErrorMs } = rule;
  const behind =
    staleWhileRevalidateMs > 0 ? `, ${formatDuration(staleWhileRevalidateMs)} more behind` : "";
  return `${by}: a tag is believed for ${lasting(ttlMs)}${behind}, in an outage for ${lasting(staleIfErrorMs)}`;
}

function callerWords({ caller }: WhyAnswer): [string, string][] {
  if (!caller) return [];
  const { user, address, ruling, place, denial } = caller;
  const from = address === null ? "" : ` from ${address}`;
  const who = `${user ?? "who has not logged in"}${from}`;
  const by = place === null ? "" : `, by ${place}`;
  switch (ruling) {
    case "allowed":
      return [["caller", `${who} may pull it${by}`]];
    case "login":
      return [["caller", `${who} is asked to log in (401)${by}`]];
    case "denied":
      return [
        ["caller", `${who} is refused with 403${by}: ${denial ?? "no rule of server.access fits"}`],
      ];
  }
}

function lasting(durationMs: number | null): string {
  return durationMs === null ? "ever" : formatDuration(durationMs);
}

function shownWords({ shown, upstream }: WhyAnswer, nowMs: number): [string, string][] {
  if (!shown) return [];
  const text =
    shown.provenAt === null
      ? `${upstream} is asked first whether it shows the repository to everyone`
      : `to everyone: ${upstream} said so ${ago(Date.parse(shown.provenAt), nowMs)}${again(shown.proof)}`;
  return [["shown", text]];
}

function knownWords({ known, upstream }: WhyAnswer, nowMs: number): string {
  if (!known) return "nothing";
  const { digest, checkedAt, provenAt, proof } = known;
  const checked = checkedAt === null ? "" : `, checked ${ago(Date.parse(checkedAt), nowMs)}`;
  const proven =
    provenAt === null
      ? `never proven by ${upstream} to be of this repository`
      : `proven ${ago(Date.parse(provenAt), nowMs)}${again(proof)}`;
  return `${shortened(digest, 30)}${checked}, ${proven}`;
}

function again(proof: string): string {
  return proof === "expired" ? ", too long ago: asked again before" : "";
}

function contentWords({ content }: WhyAnswer): string {
  const { here, missing, arriving } = content;
  if (here + missing + arriving === 0) return "nothing is here of config and layers";
  const coming = arriving > 0 ? `, ${arriving} arriving` : "";
  const absent = missing > 0 ? `, ${missing} missing, which would be downloaded` : "";
  return `${here} of config and layers here${coming}${absent}`;
}

function endpointWords({
  endpoint,
  state,
  health,
  reason,
  leftSeconds,
}: WhyAnswer["endpoints"][number]): string {
  switch (state) {
    case "asked":
      return health < 1
        ? `${endpoint} is asked; health ${health.toFixed(2)} of 1`
        : `${endpoint} is asked`;
    case "probed":
      return `${endpoint} is probed now: it ${reason}`;
    case "offline":
      return `${endpoint} is not asked: ${reason}`;
    case "left alone":
      return `${endpoint} is left alone for ${formatDuration(leftSeconds * 1000)}: it ${reason}`;
  }
}

function outageOf({ outage, upstream }: WhyAnswer): string {
  if (outage.length === 0)
    return `if ${upstream} gave no answer, a client would get all that is here`;
  return `if ${upstream} gave no answer, a client would not get it: ${outage.map(outageWords).join("; ")}`;
}
