import { ImageGlob } from "../../oci/image-glob.ts";
import type { Finding } from "../yaml/finding.ts";
import { tableAt, tablesAt } from "../yaml/plain-values.ts";

/** Rules of `freshness.rules` that say two things at once. */
export function mixedRules(root: unknown): Finding[] {
  return tablesAt(tableAt(root, "freshness"), "rules").flatMap(({ table, index }) =>
    faultsOf(table).map(({ key, message }) => ({
      path: ["freshness", "rules", index, key],
      at: "key",
      message,
    })),
  );
}

interface Fault {
  /** The key that is one too many. */
  readonly key: string;
  readonly message: string;
}

type Rule = Readonly<Record<string, unknown>>;

function faultsOf(rule: Rule): Fault[] {
  const others = Object.keys(rule).filter((key) => key !== "match");
  if ("deny" in rule) {
    return excess(others, ["deny"], "deny refuses all that matches; remove $ beside it");
  }
  if (rule["store"] === false) {
    const beside =
      "what is not stored is asked of upstream each time; remove $ beside store: false";
    return [...excess(others, ["store"], beside), ...tagOfUnstored(rule["match"])];
  }
  if (rule["immutable"] !== true) return [];
  const timeless = ["immutable", "store", "negativeTtl"];
  return excess(others, timeless, "an immutable tag is never asked again; remove $ beside it");
}

function excess(keys: readonly string[], allowed: readonly string[], message: string): Fault[] {
  return keys
    .filter((key) => ruleTimes.includes(key) && !allowed.includes(key))
    .map((key) => ({ key, message: message.replace("$", key) }));
}

// Keys that nobody knows are told as such.
const ruleTimes = [
  "ttl",
  "staleWhileRevalidate",
  "staleIfError",
  "negativeTtl",
  "immutable",
  "store",
];

function tagOfUnstored(match: unknown): Fault[] {
  const glob = typeof match === "string" ? ImageGlob.parse(match) : null;
  if (!glob?.hasReference) return [];
  const message =
    "store: false is about layers too, which have no tag; match repositories, as in docker.io/nightly/*";
  return [{ key: "match", message }];
}
