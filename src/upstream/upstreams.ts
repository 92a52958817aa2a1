import { dockerHub } from "../config/host.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import { parseImageName } from "../oci/image-name.ts";
import type { Reference } from "../oci/reference.ts";
import { parseRepository, type Repository } from "../oci/repository.ts";
import { type Address, looksLikeHost, quote } from "../oci/route.ts";
import type { Place } from "./exchange/place.ts";
import type { Upstream } from "./upstream.ts";

/** A repository of a configured upstream: what a request means. */
export interface Target extends Place {
  readonly upstream: Upstream;
}

/** The same for who looks only at what is here: nobody asks, and nothing is asked. */
export type PlainTarget = Omit<Target, "via" | "login">;

/** What an operator means by the name of an image, by the rules of requests. */
export interface ImageTarget extends PlainTarget {
  readonly reference: Reference;
  /** What in the name says which upstream is meant. */
  readonly route: ImageRoute;
}

export type ImageRoute =
  | { readonly kind: "prefix" }
  | { readonly kind: "alias"; readonly alias: string }
  | { readonly kind: "default" };

export interface UpstreamEntry {
  readonly upstream: Upstream;
  /** Further names in `ns` and prefixes. */
  readonly aliases: readonly string[];
  /** Host headers that mean this upstream, with or without port. */
  readonly hosts: readonly string[];
  readonly default: boolean;
}

interface Resolved extends PlainTarget {
  readonly host: string | undefined;
}

/** Something in a request that names an upstream. */
interface Claim {
  readonly by: string;
  readonly upstream: Upstream;
}

/** The configured upstreams, and which of them a request means. Immutable: a new configuration is a new table. */
export class Upstreams {
  readonly #byName = new Map<string, Upstream>();
  readonly #byHost = new Map<string, Upstream>();
  readonly #upstreams: readonly Upstream[];
  readonly #default: Upstream | null;
  /** What addresses meant last, each with the host that it came with: clients ask for the same again and again. */
  readonly #meant = new WeakMap<Address, Resolved>();

  constructor(entries: readonly UpstreamEntry[]) {
    for (const { upstream, aliases, hosts } of entries) {
      for (const name of [upstream.name, ...aliases]) this.#byName.set(name, upstream);
      for (const host of hosts) this.#byHost.set(host, upstream);
    }
    this.#upstreams = entries.map(({ upstream }) => upstream);
    this.#default = entries.find((entry) => entry.default)?.upstream ?? null;
  }

  /**
   * Which repository of which upstream a request means. Throws DistributionError NAME_UNKNOWN if it names
   * an upstream that is not configured, two that disagree, or none; NAME_INVALID if no repository is left.
   */
  resolve(address: Address, host: string | undefined): PlainTarget {
    const meant = this.#meant.get(address);
    if (meant && meant.host === host) return meant;
    const resolved = { host, ...this.#resolve(address, host) };
    this.#meant.set(address, resolved);
    return resolved;
  }

  #resolve(address: Address, host: string | undefined): PlainTarget {
    const { claims, path } = this.#readPath(address);
    const upstream =
      agreed([...this.#claimsBeside(address, host), ...claims]) ?? this.#fallback(path);
    return { upstream, repository: repositoryOf(upstream, path) };
  }

  /** Which image an operator means. Throws as `resolve` and `parseImageName` do. */
  image(written: string): ImageTarget {
    const bare = this.#byName.get(lowered(written));
    if (bare) throw noRepository(bare);
    const { path, reference } = parseImageName(written);
    const address = { ns: null, prefix: null, path };
    return { ...this.resolve(address, undefined), reference, route: this.#routeOf(path) };
  }

  /** The upstream that a key of the configuration names; null if it is none any more. */
  named(name: string): Upstream | null {
    return this.#upstreams.find((upstream) => upstream.name === name) ?? null;
  }

  /**
   * Which upstreams a list of repositories is about, and what stands before their names there: the one that the request
   * names, or all. Throws as `resolve` does.
   */
  listed(address: Address, host: string | undefined): { upstream: Upstream; prefix: string }[] {
    const { claims, path } = this.#readPath(address);
    const named = agreed([...this.#claimsBeside(address, host), ...claims]);
    if (path !== "") this.#named(path);
    if (named) return [{ upstream: named, prefix: "" }];
    return this.#upstreams.map((upstream) => {
      return { upstream, prefix: upstream === this.#default ? "" : `${upstream.name}/` };
    });
  }

  /** Whether there are upstreams that are asked by the logins of callers. */
  get forwardSome(): boolean {
    return this.#upstreams.some(({ forwards }) => forwards);
  }

  /**
   * Which upstream a request means that is about no repository (`/v2/`): what it names, or the default one, if there is one.
   * Throws as `resolve` does.
   */
  meant(address: Address, host: string | undefined): Upstream | null {
    return agreed(this.#claimsBeside(address, host)) ?? this.#default;
  }

  #claimsBeside({ ns, prefix }: Address, host: string | undefined): Claim[] {
    const claims: Claim[] = [];
    if (ns !== null) claims.push({ by: `ns=${ns}`, upstream: this.#named(ns) });
    if (prefix !== null) claims.push({ by: `the prefix ${prefix}`, upstream: this.#named(prefix) });
    const hosted = host === undefined ? undefined : this.#hosted(lowered(host));
    if (hosted) claims.push({ by: `the host ${host}`, upstream: hosted });
    return claims;
  }

  /** Takes the prefix, if there is one, off what stands behind `/v2/`. */
  #readPath({ path }: Address): { claims: Claim[]; path: string } {
    const [first = "", ...rest] = path.split("/");
    const upstream = looksLikeHost(first) ? this.#byName.get(lowered(first)) : undefined;
    if (!upstream) return { claims: [], path };
    return { claims: [{ by: `the prefix ${first}`, upstream }], path: rest.join("/") };
  }

  #routeOf(path: string): ImageRoute {
    const [first = ""] = path.split("/", 1);
    const upstream = looksLikeHost(first) ? this.#byName.get(lowered(first)) : undefined;
    if (!upstream) return { kind: "default" };
    return upstream.name === lowered(first) ? { kind: "prefix" } : { kind: "alias", alias: first };
  }

  #named(name: string): Upstream {
    const upstream = this.#byName.get(lowered(name));
    if (upstream) return upstream;
    throw new DistributionError(
      "NAME_UNKNOWN",
      `${quote(name)} is no upstream of this mirror; its configuration names them under upstreams`,
    );
  }

  #hosted(host: string): Upstream | undefined {
    return this.#byHost.get(host) ?? this.#byHost.get(host.replace(/:\d+$/, ""));
  }

  #fallback(path: string): Upstream {
    const [first = ""] = path.split("/", 1);
    if (looksLikeHost(first)) return this.#named(first);
    if (this.#default) return this.#default;
    throw new DistributionError(
      "NAME_UNKNOWN",
      "the request names no upstream and this mirror has no default: put the upstream's host before the name, as in ghcr.io/owner/image",
    );
  }
}

function noRepository({ name }: Upstream): DistributionError {
  return new DistributionError(
    "NAME_INVALID",
    `${name} is an upstream and no image: write which of its images, as in ${name}/owner/image:tag`,
  );
}

function agreed(claims: readonly Claim[]): Upstream | null {
  const [first, ...others] = claims;
  if (!first) return null;
  const other = others.find((claim) => claim.upstream !== first.upstream);
  if (!other) return first.upstream;
  throw new DistributionError(
    "NAME_UNKNOWN",
    `the request means two upstreams: ${first.upstream.name} by ${quote(first.by)} and ${other.upstream.name} by ${quote(other.by)}`,
  );
}

// Of other letters some lower-case to ASCII (the Kelvin sign to k). They are in no configured name, and what is
// taken for one is sent back in a header, which holds none of them.
function lowered(host: string): string {
  return host.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

function repositoryOf(upstream: Upstream, path: string): Repository {
  const hubShort = upstream.name === dockerHub && !path.includes("/");
  const repository = parseRepository(hubShort ? `library/${path}` : path);
  if (repository) return repository;
  throw new DistributionError(
    "NAME_INVALID",
    "the repository's name is not valid: components of lower-case letters and digits, joined by '.', '_', '__' or '-', separated by '/', at most 255 characters",
  );
}
