import { ForbiddenHop } from "../exchange/hop-guard.ts";
import { knownTokenServers } from "./known-token-servers.ts";

export interface RealmGuardOptions {
  readonly endpoint: URL;
  /** The upstream's name, for the key that errors name. */
  readonly upstream: string;
  /** Hosts (`host` or `host:port`) that the operator trusts with the credentials. */
  readonly realms: readonly string[];
}

/**
 * Judges which token servers may see the credentials. A challenge names any it likes: without this, whoever can
 * answer in a registry's name would be given its password.
 */
export class RealmGuard {
  readonly #options: RealmGuardOptions;

  constructor(options: RealmGuardOptions) {
    this.#options = options;
  }

  /** Throws ForbiddenHop, which names the key that would allow it. */
  assertMaySeeCredentials(realm: URL): void {
    const { endpoint, upstream, realms } = this.#options;
    if (realm.origin === endpoint.origin) return;
    if (realm.protocol === "http:" && endpoint.protocol === "https:") {
      throw new ForbiddenHop(`from https to plain http (${realm.host})`);
    }
    if (realms.some((host) => isHost(realm, host)) || isKnown(endpoint, realm)) return;
    throw new ForbiddenHop(
      `the token server ${realm.host} may not see the credentials; if they are meant for it, add ${realm.host} to upstreams."${upstream}".realms`,
    );
  }
}

// Through URL, in which a port that is the scheme's own is none.
function isHost(realm: URL, host: string): boolean {
  return URL.parse(`${realm.protocol}//${host}`)?.host === realm.host;
}

function isKnown(endpoint: URL, realm: URL): boolean {
  if (endpoint.protocol !== "https:" || realm.protocol !== "https:") return false;
  return knownTokenServers.some(
    ([registry, tokenServer]) => registry === endpoint.host && tokenServer === realm.host,
  );
}
