import { doubleClaims } from "./claims.ts";
import { inlinePasswords, mixedCredentials } from "./credential-ways.ts";
import { defaultWatermarks, parseWatermark } from "./eviction-schema.ts";
import type { Finding } from "./finding.ts";
import { upstreamNameProblem } from "./host.ts";
import { quoted } from "./keys.ts";
import { overlaps, parseListenAddress } from "./listen-address.ts";
import { tableAt } from "./plain-values.ts";
import { mixedRules } from "./rule-ways.ts";
import { defaultListen } from "./schema.ts";

/**
 * What is wrong between keys that may each be right. Reads the file's plain values, so that a problem
 * elsewhere hides none of these; what has the wrong type is left to the schema.
 */
export function crossChecks(root: unknown): Finding[] {
  const upstreams = tableAt(root, "upstreams");
  return [
    ...sharedListen(root),
    ...reversedWatermarks(root),
    ...Object.keys(upstreams).flatMap(badName),
    ...furtherDefaults(upstreams),
    ...doubleClaims(upstreams),
    ...mixedCredentials(upstreams),
    ...mixedRules(root),
  ];
}

/** What must not stand in the file although it may be said. Reads the values as they were written there. */
export function writtenSecrets(root: unknown): Finding[] {
  return inlinePasswords(tableAt(root, "upstreams"));
}

function sharedListen(root: unknown): Finding[] {
  const server = listenOf(root, "server");
  const admin = listenOf(root, "admin");
  if (!server || !admin || !overlaps(server, admin)) return [];
  const path = "listen" in tableAt(root, "admin") ? ["admin", "listen"] : ["server", "listen"];
  const another = admin.port === 5001 ? 5002 : 5001;
  const message = `server.listen and admin.listen cannot share port ${admin.port}; give one of them another, for example ${another}`;
  return [{ path, at: "value", message }];
}

function reversedWatermarks(root: unknown): Finding[] {
  const written = tableAt(root, "eviction");
  const { highWatermark, lowWatermark } = { ...defaultWatermarks, ...written };
  const [high, low] = [highWatermark, lowWatermark].map((share) =>
    typeof share === "string" ? parseWatermark(share) : null,
  );
  if (!high || !low || low < high) return [];
  const key = "lowWatermark" in written ? "lowWatermark" : "highWatermark";
  const message = `evicting would end at ${lowWatermark} before it begins at ${highWatermark}; lowWatermark must be below highWatermark`;
  return [{ path: ["eviction", key], at: "value", message }];
}

function listenOf(root: unknown, part: "server" | "admin"): ReturnType<typeof parseListenAddress> {
  const { listen = defaultListen[part] } = tableAt(root, part);
  return typeof listen === "string" ? parseListenAddress(listen) : null;
}

function badName(name: string): Finding[] {
  const problem = upstreamNameProblem(name);
  if (problem === null) return [];
  return [{ path: ["upstreams", name], at: "key", message: `${quoted(name)} ${problem}` }];
}

function furtherDefaults(upstreams: Readonly<Record<string, unknown>>): Finding[] {
  const names = Object.keys(upstreams).filter(
    (name) => tableAt(upstreams, name)["default"] === true,
  );
  const [first, ...others] = names;
  return others.map((name) => ({
    path: ["upstreams", name, "default"],
    at: "value",
    message: `${first} is the default already; only one upstream can be`,
  }));
}
