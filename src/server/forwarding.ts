import type { IncomingMessage } from "node:http";
import { FailureLimit } from "../auth/failure-limit.ts";
import type { Gate } from "../auth/gate.ts";
import { parseLogin } from "../auth/presented-login.ts";
import { isLoopbackAddress } from "../config/loopback.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import {
  type ForwardedLogin,
  ForwardedLogins,
  nobody,
} from "../upstream/accounts/forwarded-login.ts";
import type { Guesses } from "../upstream/accounts/login-trial.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";

/** What trusted proxies say of a request. */
export type ProxyView = Pick<Gate, "addressOf" | "cameByTls">;

/** In an answer of 200: a login may be sent, and is not needed. */
export const loginInvitation = 'Basic realm="sluice"';

/**
 * What clients present of themselves where it is their own right upstream that counts (`access: forward`). Who presents
 * nothing asks as nobody, and is challenged where that is not enough.
 */
export class Forwarding {
  readonly #logins = new ForwardedLogins();
  // Whoever guesses passwords here would have this mirror's address locked out by the registry, for everyone.
  readonly #failures: FailureLimit;

  readonly #gate: () => ProxyView;

  constructor(monotonicMs: () => number, gate: () => ProxyView) {
    this.#failures = new FailureLimit(monotonicMs);
    this.#gate = gate;
  }

  /** Who asks this upstream; null where that is all the same. Throws DistributionError UNAUTHORIZED for what is no login of a registry. */
  loginFor(upstream: Upstream, request: IncomingMessage): ForwardedLogin | null {
    if (!upstream.forwards) return null;
    this.#assertPrivate(upstream, request);
    const { authorization } = request.headers;
    if (authorization === undefined) return nobody;
    const login = parseLogin(authorization);
    if (login.kind === "empty") return nobody;
    if (login.kind !== "basic") {
      throw unauthorized(upstream, `log in with a user and a password of ${upstream.name}`);
    }
    const password = login.secret.toString("utf8");
    const credentials = { kind: "password", username: login.name, password } as const;
    return this.#logins.of(credentials, this.#guessesOf(request));
  }

  /** What is to be told of an error: where upstream did not take the login, the client is asked for another. */
  told(error: unknown, asked: Asked | null): unknown {
    if (!(error instanceof UpstreamError) || error.failure.kind !== "refused") return error;
    const { login, upstream } = asked ?? {};
    if (!login || !upstream) return error;
    const isNobody = login.credentials === null;
    if (!isNobody && error.failure.status !== 401) return error;
    const what = isNobody ? "wants a login for this" : "did not take this login";
    return unauthorized(upstream, `${upstream.name} ${what}`, error);
  }

  /**
   * `/v2/`, which clients ask first, and where most of them learn whether to log in at all. Throws DistributionError
   * UNAUTHORIZED without a login, or with one that upstream does not take.
   */
  async assertLoggedIn(upstream: Upstream, request: IncomingMessage): Promise<void> {
    const login = this.loginFor(upstream, request);
    if (!login) return;
    // Who has nothing to present but has been told so asks as nobody: what is public is for everyone.
    if (login.credentials === null && request.headers.authorization !== undefined) return;
    if (login.credentials === null) throw unauthorized(upstream, `log in to ${upstream.name}`);
    if (await accepts(upstream, login)) return;
    throw unauthorized(upstream, `${upstream.name} did not take this login`);
  }

  /**
   * The configuration asks for TLS; but what it says may have changed since the listener began. Who is on this machine sends
   * a password to nobody else, unless it is a proxy, which has it from elsewhere.
   */
  #assertPrivate({ name }: Upstream, { socket, headers }: IncomingMessage): void {
    // With HTTP/2 what stands for the socket is no instance of anything.
    if ("encrypted" in socket && socket.encrypted === true) return;
    const { remoteAddress } = socket;
    const proto = headers["x-forwarded-proto"]?.toString();
    if (this.#gate().cameByTls(remoteAddress, proto) ?? isLoopbackAddress(remoteAddress ?? ""))
      return;
    throw new DistributionError(
      "DENIED",
      `logins for ${name} are taken over TLS only: set server.tls and restart the mirror, or have a proxy of server.trustedProxies send X-Forwarded-Proto: https`,
    );
  }

  /** Behind a proxy are many clients, and one that guesses must not lock out the others. */
  #guessesOf({ socket, headers }: IncomingMessage): Guesses {
    const forwardedFor = headers["x-forwarded-for"]?.toString();
    // A socket that has been closed no longer tells it.
    const address = this.#gate().addressOf(socket.remoteAddress, forwardedFor);
    return {
      take: () => this.#failures.take(address),
      giveBack: () => this.#failures.giveBack(address),
    };
  }
}

async function accepts(upstream: Upstream, login: ForwardedLogin): Promise<boolean> {
  using _waiting = upstream.crowd.enter();
  return await upstream.accepts(login);
}

interface Asked {
  readonly upstream: Upstream;
  readonly login: ForwardedLogin | null;
}

/** Basic, as registries without a token server ask: what is presented then is for the upstream, and goes there. */
function unauthorized(upstream: Upstream, message: string, cause?: unknown): DistributionError {
  const headers = { "www-authenticate": `Basic realm="${upstream.name}"` };
  return new DistributionError("UNAUTHORIZED", message, { headers, cause });
}
