import { builtInAliases } from "../host.ts";
import type { Finding, KeyPath } from "../yaml/finding.ts";
import { textsAt } from "../yaml/plain-values.ts";

type Role = keyof typeof roleNames;

interface Claim {
  readonly text: string;
  readonly upstream: string;
  readonly role: Role;
  readonly path: KeyPath;
}

const roleNames = {
  builtIn: "a built-in alias",
  name: "the name",
  alias: "an alias",
  host: "a host",
} as const;

/** Names, aliases and hosts that would mean two upstreams, or that one upstream has twice. */
export function doubleClaims(upstreams: Readonly<Record<string, unknown>>): Finding[] {
  const owners = new Map<string, Claim>();
  return claimsOf(upstreams).flatMap((claim) => {
    const owner = owners.get(claim.text);
    if (!owner) owners.set(claim.text, claim);
    if (!owner || agree(owner, claim)) return [];
    const message = `"${claim.text}" is ${roleNames[owner.role]} of ${owner.upstream} already`;
    return [{ path: claim.path, at: claim.role === "name" ? "key" : "value", message }];
  });
}

// In this order, the later and less important one of two is the one that is reported.
function claimsOf(upstreams: Readonly<Record<string, unknown>>): Claim[] {
  const names = Object.keys(upstreams);
  return [
    ...names.flatMap(builtInClaims),
    ...names.map((name) => claim("name", name, name)),
    ...Object.entries(upstreams).flatMap(listedClaims("alias", "aliases")),
    ...Object.entries(upstreams).flatMap(listedClaims("host", "hosts")),
  ];
}

function builtInClaims(upstream: string): Claim[] {
  return builtInAliases(upstream).map((text) => claim("builtIn", upstream, text));
}

function listedClaims(role: Role, key: string): (entry: [string, unknown]) => Claim[] {
  return ([upstream, keys]) =>
    textsAt(keys, key).map(({ text, index }) => claim(role, upstream, text, [key, index]));
}

function claim(role: Role, upstream: string, text: string, below: KeyPath = []): Claim {
  return { text, upstream, role, path: ["upstreams", upstream, ...below] };
}

// To write a built-in alias down is harmless. A host may be a name too: whoever leads clients here by
// DNS has them send the registry's own name.
function agree(owner: Claim, claim: Claim): boolean {
  if (owner.upstream !== claim.upstream) return false;
  return owner.role === "builtIn" || (claim.role === "host" && owner.role !== "host");
}
