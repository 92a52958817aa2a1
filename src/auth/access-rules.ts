import type { AccessRule, ServerConfig } from "../config/config.ts";
import { groups } from "../config/files/login-lines.ts";
import { Networks } from "../config/network.ts";
import { ImageGlob } from "../oci/image-glob.ts";
import { imageName } from "../oci/image-name.ts";
import type { Repository } from "../oci/repository.ts";

/** Who asks. */
export interface Caller {
  /** null: nobody, or who has not said. */
  readonly user: string | null;
  /** Of the client; undefined once its connection is gone. */
  readonly address: string | undefined;
}

/** A repository of an upstream, by its name. */
export interface PulledFrom {
  readonly upstream: string;
  readonly repository: Repository;
}

/** `place` is where in the configuration it is said, as `server.access[2]`; null where no rule fits, or there are none. */
export type AccessRuling =
  | { readonly kind: "allowed"; readonly place: string | null }
  | {
      readonly kind: "refused";
      /** In the operator's words; null where no rule fits. */
      readonly denial: string | null;
      readonly place: string | null;
      /** Whether some user may pull it from where the caller is, who has not logged in. */
      readonly takesLogin: boolean;
    };

interface Candidate {
  readonly glob: ImageGlob;
  readonly networks: Networks | null;
  readonly rule: AccessRule;
  readonly place: string | null;
}

/** `server.access` of the configuration: what a caller may pull is what the first rule that fits says. Pure. */
export class AccessRules {
  readonly #candidates: readonly Candidate[];

  constructor({ auth, access }: Pick<ServerConfig, "auth" | "access">) {
    const rules = access ?? [auth === null ? forEveryone : forUsers];
    this.#candidates = rules.flatMap((rule, at) => {
      const glob = ImageGlob.parse(rule.match);
      const networks = rule.networks && new Networks(rule.networks);
      const place = access && `server.access[${at}]`;
      return glob ? [{ glob, networks, rule, place }] : [];
    });
  }

  ruling(caller: Caller, from: PulledFrom): AccessRuling {
    const name = imageName(from, null);
    const first = this.#candidates.find(
      (one) => isMeant(one.rule.users, caller.user) && isAbout(one, name, caller),
    );
    if (first && first.rule.denial === null) return { kind: "allowed", place: first.place };
    const takesLogin = caller.user === null && this.#someUserMay(name, caller);
    const { denial = null } = first?.rule ?? {};
    return { kind: "refused", denial, place: first?.place ?? null, takesLogin };
  }

  /** Whether there is anything that the caller may pull, as far as that can be told without a name. */
  mayPullSomething({ user, address }: Caller): boolean {
    const denied: ImageGlob[] = [];
    for (const { rule, networks, glob } of this.#candidates) {
      if (!isMeant(rule.users, user) || !isFrom(networks, address)) continue;
      if (rule.denial !== null) denied.push(glob);
      else if (!denied.some((before) => before.covers(glob))) return true;
    }
    return false;
  }

  /** Whether some user may pull anything from where the caller is. */
  someUserMayPullSomething({ address }: Caller): boolean {
    return this.#candidates.some(
      ({ rule, networks }) =>
        rule.denial === null && isAboutUsers(rule.users) && isFrom(networks, address),
    );
  }

  #someUserMay(name: string, caller: Caller): boolean {
    for (const one of this.#candidates) {
      const { users, denial } = one.rule;
      if (!isAboutUsers(users) || !isAbout(one, name, caller)) continue;
      if (denial === null) return true;
      // Another user may be let in by a later rule, but not if this one means them all.
      if (users === null || users.includes(groups.everyUser)) return false;
    }
    return false;
  }
}

const forAll = { match: "*", networks: null, denial: null };
const forEveryone: AccessRule = { ...forAll, users: null };
const forUsers: AccessRule = { ...forAll, users: [groups.everyUser] };

function isFrom(networks: Networks | null, address: string | undefined): boolean {
  return networks === null || (address !== undefined && networks.has(address));
}

function isMeant(users: AccessRule["users"], user: string | null): boolean {
  if (users === null) return true;
  if (user === null) return users.includes(groups.anonymous);
  return users.includes(user) || users.includes(groups.everyUser);
}

function isAboutUsers(users: AccessRule["users"]): boolean {
  return users === null || users.some((user) => user !== groups.anonymous);
}

function isAbout({ glob, networks }: Candidate, name: string, { address }: Caller): boolean {
  return isFrom(networks, address) && glob.matches(name);
}
