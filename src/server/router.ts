import type { Caller, PulledFrom } from "../auth/access-rules.ts";
import type { Gate } from "../auth/gate.ts";
import type { Mirror } from "../mirror/mirror.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { Route } from "../oci/route.ts";
import type { Health } from "../telemetry/health.ts";
import { waitFor } from "../telemetry/waits.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Target, Upstreams } from "../upstream/upstreams.ts";
import { serveBlob, serveBlobAtOnce } from "./blob.ts";
import { BufferBudget } from "./buffer-budget.ts";
import { type Exchange, setHead } from "./exchange.ts";
import { type Forwarding, loginInvitation } from "./forwarding.ts";
import { endWith } from "./json-answer.ts";
import { serveReferrers, serveRepositories, serveTags } from "./lists.ts";
import { viaOf } from "./loop.ts";
import { ManifestAnswers } from "./manifest.ts";
import { ReadBefore } from "./read-before.ts";
import { assertReadable } from "./readable-request.ts";
import { type Served, servedNothing } from "./served.ts";

export interface RouterTools {
  readonly mirror: Mirror;
  /** Those of the present configuration. */
  readonly upstreams: () => Upstreams;
  readonly gate: () => Gate;
  readonly health: Health;
  readonly forwarding: Forwarding;
  /** A client that takes nothing of a body for so long is let go of. */
  readonly writeIdleMs: number;
  /** What this mirror calls itself to others in `CDN-Loop`: a token of RFC 9110. */
  readonly instance: string;
}

/** What is left to do where somebody has to be waited for. */
export type Later = () => Promise<Served>;

type PullRoute = Exclude<Route, { readonly kind: "base" | "catalog" }>;

// Eight clients at full speed; 500 slow ones take 63 MiB. See BufferBudget.
const bufferLimitBytes = 16 * 1024 * 1024;

/** What a request means, whether its caller may have that, and who serves it. */
export class Router {
  readonly #tools: RouterTools;
  readonly #readBefore = new ReadBefore();
  readonly #buffers = new BufferBudget(bufferLimitBytes);
  readonly #manifests: ManifestAnswers;

  constructor(tools: RouterTools) {
    this.#tools = tools;
    this.#manifests = new ManifestAnswers(tools.mirror);
  }

  /**
   * Serves the request: at once where nobody has to be waited for, which costs neither a promise nor a context; else what it
   * returns has to be done. Throws, or that rejects with, why it is not served.
   */
  serve(exchange: Exchange): Served | Later {
    const { request } = exchange;
    assertReadable(request);
    if (request.url === "/healthz" || request.url === "/readyz") {
      return () => this.#serveHealth(exchange);
    }
    const route = this.#readBefore.route(request.url ?? "");
    exchange.route = route;
    const gate = this.#tools.gate();
    const { address } = exchange.caller;
    const { authorization } = request.headers;
    const caller = gate.callerAtOnce(authorization, request.socket, address);
    if (caller) return this.#serveCaller(exchange, route, { gate, caller });
    return async () => {
      const caller = await waitFor("login", () =>
        gate.caller(authorization, request.socket, address),
      );
      const served = this.#serveCaller(exchange, route, { gate, caller });
      if (typeof served !== "function") return served;
      setHead(exchange);
      return await served();
    };
  }

  #serveCaller(exchange: Exchange, route: Route, letIn: LetIn): Served | Later {
    const { upstreams, forwarding, instance } = this.#tools;
    const { request } = exchange;
    const { gate, caller } = letIn;
    exchange.caller = caller;
    gate.assertLetIn(caller);
    if (route.kind === "base") return () => this.#serveBase(exchange, route, letIn);
    const via = viaOf(request.headers["cdn-loop"]?.toString(), instance);
    if (route.kind === "catalog") return () => this.#serveCatalog(exchange, route, letIn);
    const { upstream, repository } = upstreams().resolve(route.address, request.headers.host);
    const login = forwarding.loginFor(upstream, request);
    const target = { upstream: upstreamFor(caller, upstream), repository, via, login };
    exchange.target = target;
    gate.assertMayPull(caller, { upstream: upstream.name, repository });
    addNamespace(exchange, route);
    const pull = this.#servePull(exchange, route, target);
    return target.upstream === upstream || typeof pull !== "function"
      ? pull
      : askingLogin(pull, gate);
  }

  #servePull(exchange: Exchange, route: PullRoute, target: Target): Served | Later {
    const { mirror, writeIdleMs } = this.#tools;
    const { request, response } = exchange;
    switch (route.kind) {
      case "manifest": {
        const accept = this.#readBefore.accept(request.headers.accept);
        const asked = { target, reference: route.reference, accept };
        const served = this.#manifests.atOnce(exchange, asked);
        return served ?? (() => this.#manifests.later(exchange, asked));
      }
      case "blob": {
        const asked = { target, digest: route.digest };
        const served = serveBlobAtOnce(mirror, asked, exchange);
        const tools = { mirror, buffers: this.#buffers, writeIdleMs };
        return served ?? (() => serveBlob(tools, asked, request, response));
      }
      case "tags":
        return () => serveTags(mirror, { target, page: route.page }, request, response);
      case "referrers": {
        const { digest, artifactType } = route;
        return () => serveReferrers(mirror, { target, digest, artifactType }, request, response);
      }
    }
  }

  async #serveCatalog(
    exchange: Exchange,
    { address, page }: Extract<Route, { readonly kind: "catalog" }>,
    { gate, caller }: LetIn,
  ): Promise<Served> {
    const { mirror, forwarding } = this.#tools;
    const { request, response } = exchange;
    const listed = this.#tools.upstreams().listed(address, request.headers.host);
    const upstreams = listed.flatMap(({ prefix, upstream }) => {
      try {
        const login = forwarding.loginFor(upstream, request);
        return [{ prefix, upstream: upstreamFor(caller, upstream), login }];
      } catch (error) {
        // A list of all goes without those that no login can be taken for; of one alone it says why not.
        if (listed.length > 1 && error instanceof DistributionError) return [];
        throw error;
      }
    });
    if (address.ns !== null) response.setHeader(namespaceHeader, address.ns);
    const mayPull = (from: PulledFrom): boolean => gate.mayPull(caller, from);
    return await serveRepositories(mirror, { upstreams, page, mayPull }, request, response);
  }

  /** `/v2/` says only that this is a registry; clients ask it before every pull. */
  async #serveBase(
    { request, response }: Exchange,
    { address }: Route,
    { gate, caller }: LetIn,
  ): Promise<Served> {
    const upstreams = this.#tools.upstreams();
    const upstream = upstreams.meant(address, request.headers.host);
    if (upstream) await this.#tools.forwarding.assertLoggedIn(upstream, request);
    // podman and skopeo send a login only if it is named here, for whatever they ask by its prefix then.
    if (upstreams.forwardSome) response.setHeader("www-authenticate", loginInvitation);
    for (const [name, value] of Object.entries(gate.invitation(caller))) {
      response.setHeader(name, value);
    }
    endWith(request, response, 200, "{}\n");
    return servedNothing(null);
  }

  async #serveHealth({ request, response }: Exchange): Promise<Served> {
    const { health } = this.#tools;
    const healthy = request.url === "/healthz" || (await health.readiness()).ready;
    endWith(
      request,
      response,
      healthy ? 200 : 503,
      healthy ? '{"status":"ok"}\n' : '{"status":"unavailable"}\n',
    );
    return servedNothing(null);
  }
}

/** Who asks, and what may be asked. */
interface LetIn {
  readonly gate: Gate;
  readonly caller: Caller;
}

function upstreamFor({ user }: Caller, upstream: Upstream): Upstream {
  return user === null ? upstream.forStrangers : upstream;
}

/** Upstream shows it to nobody; to a user it may be shown. */
function askingLogin(pull: Later, gate: Gate): Later {
  return async () => {
    try {
      return await pull();
    } catch (error) {
      const isRefusal = error instanceof UpstreamError && error.failure.kind === "refused";
      throw isRefusal ? gate.loginWanted() : error;
    }
  };
}

/** Only when it is known for the name of an upstream: what a client writes need not be a header's value. */
function addNamespace({ head }: Exchange, { address }: Route): void {
  if (address.ns !== null) head.push(namespaceHeader, address.ns);
}

const namespaceHeader = "oci-namespace";
