import type { Config, UpstreamConfig } from "../config/config.ts";
import { builtInAliases } from "../config/host.ts";
import { ClientConfigError } from "./client-config-error.ts";

/** The mirror as a client sees it. */
export interface MirrorForClients {
  /** http or https, no path, no slash at its end. */
  readonly url: string;
  /** The same as it stands before a repository: `HOST:PORT`, or `HOST` where that cannot be taken for a namespace. */
  readonly host: string;
  /** What stands between: nothing, a certificate that is checked, or one that is not. */
  readonly trust: "plain" | "verified" | "unverified";
  /** Whether users log in. */
  readonly takesLogin: boolean;
  /** Whether it asks for client certificates. */
  readonly takesCertificate: boolean;
  /** At least one. */
  readonly registries: readonly MirroredRegistry[];
  /** The registry that is meant where a request names none; null: there is none. */
  readonly unnamed: string | null;
  /** Where its registries were left out, why. */
  readonly notes: readonly string[];
}

/** A registry whose images clients pull through the mirror. */
export interface MirroredRegistry {
  /** As in the names of its images. */
  readonly name: string;
  /** What stands for it in a path before the repository; null if each of its names has a colon, which no path has. */
  readonly prefix: string | null;
  /** Where it answers itself, if that is known. */
  readonly server: string | null;
}

export interface Reach {
  readonly address: URL;
  readonly skipVerify: boolean;
  /** Names of upstreams; empty: all of them. */
  readonly only: readonly string[];
}

/**
 * What the mirror of this configuration is for clients that reach it there. Throws ClientConfigError for an upstream that is
 * not configured, or that this address cannot mean.
 */
export function mirrorForClients({ server, upstreams }: Config, reach: Reach): MirrorForClients {
  const { address, only } = reach;
  for (const name of only) assertConfigured(name, upstreams);
  const owner = ownerOf(address, upstreams);
  const reached = owner ? [owner] : upstreams;
  const chosen = only.length === 0 ? reached : reached.filter(({ name }) => only.includes(name));
  const missed = (only.length === 0 ? upstreams.map(({ name }) => name) : only).filter(
    (name) => !reached.some((upstream) => upstream.name === name),
  );
  const why = owner && missed.length > 0 ? leftOut(address, owner, missed) : null;
  if (why !== null && only.length > 0) throw new ClientConfigError(why);
  return {
    url: address.origin,
    host: imageHost(address),
    trust: trustOf(reach),
    takesLogin: server.auth !== null,
    takesCertificate: server.clientCertificates !== null,
    registries: chosen.map(registryOf),
    unnamed: (owner ?? upstreams.find((upstream) => upstream.default))?.name ?? null,
    notes: why === null ? [] : [why],
  };
}

function assertConfigured(name: string, upstreams: readonly UpstreamConfig[]): void {
  if (upstreams.some((upstream) => upstream.name === name)) return;
  const names = upstreams.map((upstream) => upstream.name).join(", ");
  throw new ClientConfigError(`${name} is no upstream of the configuration; it has ${names}`);
}

/** Who is meant by all that is sent to this host, whatever else the requests say. */
function ownerOf(address: URL, upstreams: readonly UpstreamConfig[]): UpstreamConfig | undefined {
  return upstreams.find(
    ({ hosts }) => hosts.includes(address.host) || hosts.includes(address.hostname),
  );
}

function leftOut(address: URL, owner: UpstreamConfig, missed: readonly string[]): string {
  return `${address.host} means ${owner.name} alone (upstreams.${owner.name}.hosts), not ${missed.join(", ")}; name another address of the mirror by --address`;
}

// What has neither a dot nor a colon is part of a repository's name to clients.
function imageHost({ host, protocol }: URL): string {
  if (/[.:]/.test(host)) return host;
  return `${host}:${protocol === "http:" ? 80 : 443}`;
}

function trustOf({ address, skipVerify }: Reach): MirrorForClients["trust"] {
  if (address.protocol === "http:") return "plain";
  return skipVerify ? "unverified" : "verified";
}

function registryOf({ name, aliases, endpoints }: UpstreamConfig): MirroredRegistry {
  const own = [name, ...builtInAliases(name)];
  return {
    name,
    prefix: [name, ...aliases].find((text) => !text.includes(":")) ?? null,
    server: endpoints.find(({ host }) => own.includes(host))?.origin ?? null,
  };
}
