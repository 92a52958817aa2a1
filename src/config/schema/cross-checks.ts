import { defaultListen } from "../default-listen.ts";
import { nameOfImages, upstreamNameProblem } from "../host.ts";
import { type ListenAddress, overlaps, parseListenAddress } from "../listen-address.ts";
import { isLoopbackName } from "../loopback.ts";
import type { Finding } from "../yaml/finding.ts";
import { tableAt } from "../yaml/plain-values.ts";
import { usersWithoutLogins } from "./access-ways.ts";
import { doubleClaims } from "./claims.ts";
import { inlinePasswords, mixedCredentials } from "./credential-ways.ts";
import { defaultWatermarks, parseWatermark } from "./eviction-schema.ts";
import { forwardedLogins } from "./forward-ways.ts";
import { quoted } from "./keys.ts";
import { mixedRules } from "./rule-ways.ts";

/**
 * What is wrong between keys that may each be right. Reads the file's plain values, so that a problem
 * elsewhere hides none of these; what has the wrong type is left to the schema.
 */
export function crossChecks(root: unknown): Finding[] {
  const upstreams = tableAt(root, "upstreams");
  return [
    ...sharedListen(root),
    ...openAdmin(root),
    ...reversedWatermarks(root),
    ...Object.keys(upstreams).flatMap(badName),
    ...misnamed(upstreams),
    ...furtherDefaults(upstreams),
    ...doubleClaims(upstreams),
    ...mixedCredentials(upstreams),
    ...forwardedLogins(root),
    ...mixedRules(root),
    ...usersWithoutLogins(root),
  ];
}

/** What must not stand in the file although it may be said. Reads the values as they were written there. */
export function writtenSecrets(root: unknown): Finding[] {
  return inlinePasswords(tableAt(root, "upstreams"));
}

function sharedListen(root: unknown): Finding[] {
  const listeners = [
    listenerAt(root, ["server", "listen"], defaultListen.server),
    listenerAt(root, ["admin", "listen"], defaultListen.admin),
    listenerAt(root, ["admin", "metricsListen"], null),
  ].flatMap((listener) => listener ?? []);
  const pairs = listeners.flatMap((one, at) =>
    listeners.slice(at + 1).map((other) => [one, other] as const),
  );
  return pairs.flatMap(([one, other]) => {
    if (!overlaps(one.address, other.address)) return [];
    const { port } = one.address;
    const path = other.isWritten ? other.path : one.path;
    const taken = listeners.map(({ address }) => address.port);
    const another = [5001, 5002, 5003].find((free) => !taken.includes(free));
    const message = `${one.path.join(".")} and ${other.path.join(".")} cannot share port ${port}; give one of them another, for example ${another}`;
    return [{ path, at: "value", message }];
  });
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

/** Whoever reaches it could empty the mirror. */
function openAdmin(root: unknown): Finding[] {
  const admin = listenerAt(root, ["admin", "listen"], defaultListen.admin);
  if (!admin || isLoopbackName(admin.address.host) || "auth" in tableAt(root, "admin")) return [];
  const message =
    "others than this machine would reach the admin API, and nobody asks them who they are; set admin.auth, for example {htpasswd: ./htpasswd}, or listen on 127.0.0.1:5001. For a Prometheus on another host set admin.metricsListen";
  return [{ path: admin.path, at: "value", message }];
}

interface Listener {
  readonly path: readonly [part: string, key: string];
  readonly address: ListenAddress;
  /** Whether the file says so; else it is a default. */
  readonly isWritten: boolean;
}

function listenerAt(
  root: unknown,
  path: readonly [part: string, key: string],
  byDefault: string | null,
): Listener | null {
  const [part, key] = path;
  const written = tableAt(root, part);
  const text = written[key] ?? byDefault;
  const address = typeof text === "string" ? parseListenAddress(text) : null;
  return address && { path, address, isWritten: key in written };
}

function badName(name: string): Finding[] {
  const problem = upstreamNameProblem(name);
  if (problem === null) return [];
  return [{ path: ["upstreams", name], at: "key", message: `${quoted(name)} ${problem}` }];
}

/** Clients would ask for its images by a name that it does not have. Beside that name it is a double claim. */
function misnamed(upstreams: Readonly<Record<string, unknown>>): Finding[] {
  return Object.keys(upstreams).flatMap((name) => {
    const right = nameOfImages(name);
    if (right === null || right in upstreams) return [];
    const message = `${quoted(name)} is an address of the registry whose images are named by ${right}; write ${right}, which has this name as an alias`;
    return [{ path: ["upstreams", name], at: "key", message }];
  });
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
