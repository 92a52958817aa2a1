import type { Socket } from "node:net";
import type { ServerConfig } from "../config/config.ts";
import { Networks } from "../config/network.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { AccessRules, Caller, PulledFrom } from "./access-rules.ts";
import { clientAddress } from "./client-address.ts";
import { shownCertificate } from "./client-certificate.ts";
import type { LoginCheck, Logins } from "./logins.ts";

// What clients show as the place that asks for a password.
const challenge = { "www-authenticate": 'Basic realm="sluice"' };

/** Who is let in, and what they may pull. What it throws is a DistributionError, and says nothing of what is stored. */
export class Gate {
  /** null: nobody can log in. */
  readonly #logins: Logins | null;
  readonly #rules: AccessRules;
  readonly #trustedProxies: Networks;
  readonly #certificates: ServerConfig["clientCertificates"];

  constructor(
    logins: Logins | null,
    rules: AccessRules,
    {
      trustedProxies,
      clientCertificates,
    }: Pick<ServerConfig, "trustedProxies" | "clientCertificates">,
  ) {
    this.#logins = logins;
    this.#rules = rules;
    this.#trustedProxies = new Networks(trustedProxies);
    this.#certificates = clientCertificates;
  }

  /** Where a request comes from: `connection` is the address of its connection, `forwardedFor` its X-Forwarded-For. */
  addressOf(connection: string | undefined, forwardedFor: string | undefined): string | undefined {
    return clientAddress(connection, forwardedFor, this.#trustedProxies);
  }

  /** As `caller`, where that needs no look at the files of logins and no password to be hashed; else null. */
  callerAtOnce(
    header: string | undefined,
    socket: Socket,
    address: string | undefined,
  ): Caller | null {
    const user = this.#userShownBy(socket);
    if (header === undefined || this.#logins === null) return { user, address };
    const known = this.#logins.known(header);
    return known === null ? null : { user: known.name, address };
  }

  isProxy(address: string): boolean {
    return this.#trustedProxies.has(address);
  }

  /**
   * Whether a trusted proxy has the request from a client over TLS: `forwardedProto` is its X-Forwarded-Proto, all of which
   * must say so where it passed several. null where the connection is no trusted proxy's, and nobody's word is taken.
   */
  cameByTls(connection: string | undefined, forwardedProto: string | undefined): boolean | null {
    if (connection === undefined || !this.#trustedProxies.has(connection)) return null;
    const said = (forwardedProto ?? "").split(",");
    return said.every((one) => one.trim().toLowerCase() === "https");
  }

  /**
   * Who a caller is: whom it logs in as, else whom its client certificate names. Where nobody can log in what it sends is
   * not looked at: clients send mirrors what they know of the upstream. Rejects if it is not the login of a user.
   */
  async caller(
    header: string | undefined,
    socket: Socket,
    address: string | undefined,
  ): Promise<Caller> {
    const user = this.#userShownBy(socket);
    if (header === undefined || this.#logins === null) return { user, address };
    const check = await this.#logins.check(header, address);
    switch (check.kind) {
      case "user":
        return { user: check.name, address };
      case "nobody":
        return { user, address };
      case "wrong":
      case "limited":
      case "busy":
      case "closed":
        throw refusalOf(check);
    }
  }

  #userShownBy(socket: Socket): string | null {
    if (this.#certificates === null) return null;
    const shown = shownCertificate(socket);
    switch (shown.kind) {
      case "user":
        return shown.name;
      case "none":
        if (!this.#certificates.required) return null;
        throw new DistributionError("DENIED", "this mirror asks for a client certificate");
      case "refused":
        throw new DistributionError("DENIED", shown.reason);
    }
  }

  /** Throws if there is nothing that the caller may pull. */
  assertLetIn(caller: Caller): void {
    if (this.#rules.mayPullSomething(caller)) return;
    if (caller.user === null && this.#rules.someUserMayPullSomething(caller))
      throw this.loginWanted();
    throw new DistributionError("DENIED", `${nameOf(caller)} may pull nothing here`);
  }

  /** The headers that tell who is let in as nobody that it could be somebody. */
  invitation({ user }: Caller): Readonly<Record<string, string>> {
    return user === null && this.#logins !== null ? challenge : {};
  }

  /** Throws if the caller may not pull from there. */
  assertMayPull(caller: Caller, from: PulledFrom): void {
    const ruling = this.#rules.ruling(caller, from);
    if (ruling.kind === "allowed") return;
    const { denial, place, takesLogin } = ruling;
    if (takesLogin) throw this.loginWanted();
    const message = denial ?? `${nameOf(caller)} may not pull ${from.upstream}/${from.repository}`;
    throw new DistributionError("DENIED", message, { detail: { rule: place } });
  }

  /** For who is nobody, where a user may be let in: how to be one. */
  loginWanted(): DistributionError {
    if (this.#logins !== null) return unauthorized();
    const how =
      this.#certificates === null
        ? "nobody can log in here"
        : "this needs a client certificate, and you have shown none";
    return new DistributionError("DENIED", how);
  }

  mayPull(caller: Caller, from: PulledFrom): boolean {
    return this.#rules.ruling(caller, from).kind === "allowed";
  }
}

function refusalOf(
  check: Exclude<LoginCheck, { readonly kind: "user" | "nobody" }>,
): DistributionError {
  switch (check.kind) {
    case "wrong":
      return unauthorized(check.why ?? "the name or the password is wrong");
    case "limited": {
      const seconds = Math.ceil(check.retryAfterMs / 1000);
      return new DistributionError(
        "TOOMANYREQUESTS",
        `too many logins from this address were wrong; try again in ${seconds} s`,
        { headers: { "retry-after": String(seconds) } },
      );
    }
    case "busy":
      return new DistributionError(
        "UNAVAILABLE",
        "too many log in at once; try again in a few seconds",
        { headers: { "retry-after": "5" } },
      );
    case "closed":
      return new DistributionError(
        "UNAVAILABLE",
        "nobody can log in: a file of logins of this mirror is broken, and its log says where",
      );
  }
}

/** For who has not logged in where that could help, or has not logged in rightly. */
function unauthorized(why = "log in to pull this"): DistributionError {
  return new DistributionError("UNAUTHORIZED", why, { headers: challenge });
}

function nameOf({ user }: Caller): string {
  return user === null ? "who has not logged in" : user;
}
