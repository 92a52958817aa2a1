import { type LookupAddress, lookup as lookupCallback } from "node:dns";
import { lookup } from "node:dns/promises";
import type { LookupFunction } from "node:net";
import { literalAddress, type Reach, reachOf } from "./reach.ts";

export interface HopGuardOptions {
  readonly endpoint: URL;
  /** The operator allows hops into private networks although the endpoint is public. */
  readonly privateRedirects: boolean;
  /** The upstream's name, for the key that errors name. */
  readonly upstream: string;
}

/** A redirect or token server that an upstream named and that is not followed. */
export class ForbiddenHop extends Error {
  constructor(reason: string) {
    super(reason);
    this.name = "ForbiddenHop";
  }
}

/**
 * Judges the places an upstream sends us to. Without it any upstream, or whoever can answer in its name,
 * could make the mirror call services inside the operator's network.
 */
export class HopGuard {
  readonly #options: HopGuardOptions;

  constructor(options: HopGuardOptions) {
    this.#options = options;
  }

  /** Throws ForbiddenHop for a scheme, a downgrade, user info, or a literal address that is not allowed. */
  async assertAllowed(hop: URL, from: URL): Promise<void> {
    if (hop.protocol !== "https:" && hop.protocol !== "http:") {
      throw new ForbiddenHop(`${hop.protocol} is not a scheme of registries`);
    }
    if (hop.protocol === "http:" && from.protocol === "https:") {
      throw new ForbiddenHop(`from https to plain http (${hop.host})`);
    }
    if (hop.username || hop.password) {
      throw new ForbiddenHop(`the URL carries a user name (${hop.host})`);
    }
    await this.#assertReach(hop.hostname, reachOfHost(hop));
  }

  /**
   * `dns.lookup` for hops, given to the socket so that the addresses judged are the ones connected to: a
   * second look-up could give others.
   */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookupCallback(hostname, { ...options, all: true }, (error, addresses) => {
      const judged = error ? Promise.reject(error) : this.#judge(hostname, addresses);
      judged.then(
        () => answerLookup(addresses, options.all === true, callback),
        (refusal: Error) => callback(refusal, "", 0),
      );
    });
  };

  async #judge(hostname: string, addresses: readonly LookupAddress[]): Promise<void> {
    for (const { address } of addresses) await this.#assertReach(hostname, reachOf(address));
  }

  async #assertReach(host: string, reach: Reach): Promise<void> {
    if (reach === "public") return;
    const { upstream, privateRedirects } = this.#options;
    if (reach === "private" && privateRedirects) return;
    const home = await this.#endpointReaches();
    if (home.has(reach) || (reach === "private" && home.has("loopback"))) return;
    const key =
      reach === "private" ? `; set upstreams."${upstream}".privateRedirects to allow it` : "";
    throw new ForbiddenHop(`${host} is a ${reach} address and the endpoint is none${key}`);
  }

  async #endpointReaches(): Promise<Set<Reach>> {
    const { endpoint } = this.#options;
    const known = reachOfHost(endpoint);
    if (known !== "public" || literalAddress(endpoint)) return new Set([known]);
    const addresses = await lookup(endpoint.hostname, { all: true });
    return new Set(addresses.map(({ address }) => reachOf(address)));
  }
}

/** What can be said without a look-up; a name counts as public until it is looked up. */
function reachOfHost(url: URL): Reach {
  const address = literalAddress(url);
  if (address) return reachOf(address);
  return /(?:^|\.)localhost\.?$/.test(url.hostname) ? "loopback" : "public";
}

function answerLookup(
  addresses: readonly LookupAddress[],
  all: boolean,
  callback: Parameters<LookupFunction>[2],
): void {
  const [first] = addresses;
  if (all) callback(null, [...addresses]);
  else if (first) callback(null, first.address, first.family);
}
