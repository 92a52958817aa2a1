import { ImageGlob, splitAtReference } from "../oci/image-glob.ts";
import type { Config, FreshnessRule } from "./config.ts";
import { dockerHub } from "./host.ts";

/** Notes on patterns of images in the configuration that cannot do what they were written for. */
export function notesOnPatterns({ freshness, eviction, upstreams }: Config): string[] {
  const { rules } = freshness;
  const names = upstreams.map(({ name }) => name);
  return [
    ...rules.flatMap(({ match }, at) =>
      noteOn(place(at), idle(match, names) ?? shadowed(rules, at)),
    ),
    ...rules.flatMap((_, at) => noteOn(place(at), halfException(rules, at))),
    ...eviction.pins.flatMap((pin, at) => noteOn(`eviction.pins[${at}]`, idle(pin, names))),
  ];
}

function noteOn(where: string, problem: string | null): string[] {
  return problem === null ? [] : [`note: ${where} ${problem}`];
}

/** Why no image has a name that the pattern matches, as far as that can be told. */
function idle(pattern: string, upstreams: readonly string[]): string | null {
  const [host = "", ...rest] = pattern.split("/");
  // A star may stand for the host and more, but not one of a tag.
  if ((rest.length > 0 ? host : splitAtReference(pattern).repository).includes("*")) return null;
  const own = upstreams.filter((name) => ImageGlob.parse(`${host}/*`)?.matches(`${name}/x`));
  if (own.length === 0 || rest.length === 0) {
    return `can never match: ${pattern} begins with no upstream; there are ${upstreams.join(", ")}`;
  }
  const isShort = rest.length === 1 && !splitAtReference(rest[0] ?? "").repository.includes("*");
  if (isShort && own.every((name) => name === dockerHub)) {
    return `can never match: on Docker Hub that is docker.io/library/${rest[0]}`;
  }
  return null;
}

/** Why an earlier rule leaves this one nothing. */
function shadowed(rules: readonly FreshnessRule[], at: number): string | null {
  const earlier = rules.findIndex((rule, before) => before < at && covers(rule, rules[at]));
  if (earlier < 0) return null;
  return `can never match: ${place(earlier)} (${rules[earlier]?.match}) matches all of it before`;
}

/** Why a tag that is allowed is of no use: what it means has no tag, and is refused. */
function halfException(rules: readonly FreshnessRule[], at: number): string | null {
  const rule = rules[at];
  if (!rule || rule.denial !== null || !ImageGlob.parse(rule.match)?.hasReference) return null;
  const whole = { ...rule, match: splitAtReference(rule.match).repository };
  const later = rules.findIndex(
    (other, behind) => behind > at && other.denial !== null && covers(other, whole),
  );
  if (later < 0) return null;
  return `lets no image through: its layers have no tag, and ${place(later)} (${rules[later]?.match}) denies them`;
}

function covers(one: FreshnessRule, other: FreshnessRule | undefined): boolean {
  const [outer, inner] = [one, other].map((rule) => rule && ImageGlob.parse(rule.match));
  return Boolean(outer && inner && outer.covers(inner));
}

function place(at: number): string {
  return `freshness.rules[${at}]`;
}
