import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import type { Caller, PulledFrom } from "../auth/access-rules.ts";
import type { Gate } from "../auth/gate.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { DistributionError } from "../oci/distribution-error.ts";
import { parseRoute, type Route } from "../oci/route.ts";
import type { TrafficMeter } from "../storage/statistics/traffic-meter.ts";
import type { Health } from "../telemetry/health.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { followWaits, Waits, waitFor } from "../telemetry/waits.ts";
import type { Upstream } from "../upstream/upstream.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Target, Upstreams } from "../upstream/upstreams.ts";
import { answerForClient } from "./answer-for-client.ts";
import { serveBlob } from "./blob.ts";
import { ClientGone } from "./body-writer.ts";
import { BufferBudget } from "./buffer-budget.ts";
import { cut } from "./cut.ts";
import { toDistributionError } from "./error-answer.ts";
import { Forwarding, loginInvitation } from "./forwarding.ts";
import { endLingering } from "./lingering-end.ts";
import { serveReferrers, serveRepositories, serveTags } from "./lists.ts";
import { viaOf } from "./loop.ts";
import { answerMalformed, headerLimitBytes } from "./malformed.ts";
import { serveManifest } from "./manifest.ts";
import { untrustedContentHeaders } from "./pull-headers.ts";
import { assertReadable } from "./readable-request.ts";
import { reasonPhrase } from "./reason-phrase.ts";
import { requestIdOf } from "./request-id.ts";
import { recordRequest } from "./request-log.ts";
import { type Served, servedNothing } from "./served.ts";
import { Turns } from "./turns.ts";

export interface RegistryServerOptions {
  readonly mirror: Mirror;
  /** Those of the present configuration. */
  readonly upstreams: () => Upstreams;
  readonly gate: () => Gate;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly meter: TrafficMeter;
  readonly log: Log;
  readonly monotonicMs: () => number;
  /** A client that takes nothing of a body for so long is let go of. */
  readonly writeIdleMs: number;
  /** How long a request may take to arrive, in the words of `createServer`; usual times unless given. */
  readonly requestTimeouts?: ServerOptions;
  /** What this mirror calls itself to others in `CDN-Loop`: a token of RFC 9110. */
  readonly instance: string;
  /** Makes the server, with TLS for example; without it, plain HTTP. */
  readonly createServer?: (options: ServerOptions, listener: RequestListener) => Server;
}

// A request is a line and a few headers; who takes longer to send them does not want an answer.
const requestTimeouts = {
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 75_000,
  // How late the first two may come true.
  connectionsCheckingInterval: 5_000,
};

// Eight clients at full speed; 500 slow ones take about 55 MiB. See BufferBudget.
const bufferLimitBytes = 16 * 1024 * 1024;

/** What is known of a request so far. */
interface Seen {
  route: Route | null;
  target: Target | null;
  caller: Caller;
}

/** The registry API: the pull half of the distribution spec. */
export class RegistryServer {
  readonly http: Server;
  readonly #upstreams: () => Upstreams;
  readonly #options: RegistryServerOptions;
  readonly #turns = new Turns();
  readonly #forwarding: Forwarding;
  readonly #buffers = new BufferBudget(bufferLimitBytes);

  constructor(options: RegistryServerOptions) {
    this.#options = options;
    this.#upstreams = options.upstreams;
    this.#forwarding = new Forwarding(options.monotonicMs, options.gate);
    const { createServer: create = createServer } = options;
    const timeouts = { ...requestTimeouts, ...options.requestTimeouts };
    this.http = create({ ...timeouts, maxHeaderSize: headerLimitBytes }, (request, response) => {
      const answer = (): void => {
        // It never rejects: what goes wrong becomes an answer and a log line.
        this.#handle(request, response).catch((err) =>
          options.log.fatal({ err }, "request handler broke"),
        );
      };
      // Over HTTP/2 the requests of a connection are streams, answered beside each other.
      if (request.httpVersionMajor >= 2) answer();
      else this.#turns.take(request.socket, response, answer);
    });
    this.http.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      // A word in the middle of an answer would be taken for a part of it.
      if (this.#turns.isAnswering(socket)) socket.resetAndDestroy();
      else answerMalformed(error, socket);
    });
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { monotonicMs } = this.#options;
    const startedMs = monotonicMs();
    const caller = { user: null, address: this.#addressOf(request) };
    const seen: Seen = { route: null, target: null, caller };
    const requestId = requestIdOf(request);
    response.setHeader("x-request-id", requestId);
    const waits = new Waits();
    const serve = (): Promise<Served> => this.#serve(request, response, seen);
    const served = await followWaits(waits, serve).catch((error: unknown) => {
      // Before its answer began; nobody is left to tell.
      if (error instanceof ClientGone) return { ...servedNothing(null), left: error.message };
      const told = toDistributionError(this.#forwarding.told(error, seen.target, request));
      answerError(
        answerForClient(told, request.headers["user-agent"], seen.route),
        request,
        response,
      );
      return { error };
    });
    const durationMs = monotonicMs() - startedMs;
    const finished = { request, requestId, response, ...seen, served, durationMs, waits };
    recordRequest(finished, this.#options);
  }

  #addressOf({ socket, headers }: IncomingMessage): string | undefined {
    const forwardedFor = headers["x-forwarded-for"]?.toString();
    return this.#options.gate().addressOf(socket.remoteAddress, forwardedFor);
  }

  async #serve(request: IncomingMessage, response: ServerResponse, seen: Seen): Promise<Served> {
    const { mirror, health, instance } = this.#options;
    response.setHeader("docker-distribution-api-version", "registry/2.0");
    if (health.draining) response.setHeader("connection", "close");
    assertReadable(request);
    if (request.url === "/healthz" || request.url === "/readyz")
      return await this.#serveHealth(request, response);
    const route = parseRoute(request.url ?? "");
    seen.route = route;
    const gate = this.#options.gate();
    const { authorization, host } = request.headers;
    const caller = await waitFor("login", () =>
      gate.caller(authorization, request.socket, seen.caller.address),
    );
    seen.caller = caller;
    gate.assertLetIn(caller);
    if (route.kind === "base") {
      return await this.#serveBase(route, gate.invitation(caller), request, response);
    }
    const via = viaOf(request.headers["cdn-loop"]?.toString(), instance);
    if (route.kind === "catalog") {
      const listed = this.#upstreams().listed(route.address, host);
      const upstreams = listed.map(({ prefix, upstream }) => {
        const login = this.#forwarding.loginFor(upstream, request);
        return { prefix, upstream: upstreamFor(caller, upstream), login };
      });
      sendNamespace(route, response);
      const mayPull = (from: PulledFrom): boolean => gate.mayPull(caller, from);
      const asked = { upstreams, page: route.page, mayPull };
      return await serveRepositories(mirror, asked, request, response);
    }
    const { upstream, repository } = this.#upstreams().resolve(route.address, host);
    const login = this.#forwarding.loginFor(upstream, request);
    const target = { upstream: upstreamFor(caller, upstream), repository, via, login };
    seen.target = target;
    gate.assertMayPull(caller, { upstream: upstream.name, repository });
    sendNamespace(route, response);
    try {
      return await this.#servePull(route, target, request, response);
    } catch (error) {
      const isForUsers = target.upstream !== upstream && isRefusal(error);
      throw isForUsers ? gate.loginWanted() : error;
    }
  }

  async #servePull(
    route: Exclude<Route, { readonly kind: "base" | "catalog" }>,
    target: Target,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Served> {
    const { mirror, writeIdleMs } = this.#options;
    switch (route.kind) {
      case "manifest":
        return await serveManifest(
          mirror,
          { target, reference: route.reference },
          request,
          response,
        );
      case "blob":
        return await serveBlob(
          { mirror, buffers: this.#buffers, writeIdleMs },
          { target, digest: route.digest },
          request,
          response,
        );
      case "tags":
        return await serveTags(mirror, { target, page: route.page }, request, response);
      case "referrers": {
        const { digest, artifactType } = route;
        return await serveReferrers(mirror, { target, digest, artifactType }, request, response);
      }
    }
  }

  /** `/v2/` says only that this is a registry; clients ask it before every pull. */
  async #serveBase(
    { address }: Route,
    headers: Readonly<Record<string, string>>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Served> {
    const upstreams = this.#upstreams();
    const upstream = upstreams.meant(address, request.headers.host);
    if (upstream) await this.#forwarding.assertLoggedIn(upstream, request);
    // podman and skopeo send a login only if it is named here, for whatever they ask by its prefix then.
    if (upstreams.forwardSome) response.setHeader("www-authenticate", loginInvitation);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    endWith(request, response, 200, "{}\n");
    return servedNothing(null);
  }

  async #serveHealth(request: IncomingMessage, response: ServerResponse): Promise<Served> {
    const healthy = request.url === "/healthz" || (await this.#options.health.readiness()).ready;
    endWith(
      request,
      response,
      healthy ? 200 : 503,
      healthy ? '{"status":"ok"}\n' : '{"status":"unavailable"}\n',
    );
    return servedNothing(null);
  }
}

/** Upstream shows it to nobody; to a user it may be shown. */
function isRefusal(error: unknown): boolean {
  return error instanceof UpstreamError && error.failure.kind === "refused";
}

function upstreamFor({ user }: Caller, upstream: Upstream): Upstream {
  return user === null ? upstream.forStrangers : upstream;
}

/** Only when it is known for the name of an upstream: what a client writes need not be a header's value. */
function sendNamespace({ address }: Route, response: ServerResponse): void {
  if (address.ns !== null) response.setHeader("oci-namespace", address.ns);
}

function answerError(
  error: DistributionError,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  if (response.headersSent) {
    cut(response);
    return;
  }
  for (const [name, value] of Object.entries(error.headers)) response.setHeader(name, value);
  // RFC 9113, section 8.3.2: HTTP/2 has no words behind the status, and Node would warn of them.
  if (request.httpVersionMajor < 2) response.statusMessage = reasonPhrase(error);
  endWith(request, response, error.status, error.toBody());
}

function endWith(
  request: IncomingMessage,
  response: ServerResponse,
  status: number,
  body: string,
): void {
  response.writeHead(status, {
    ...untrustedContentHeaders,
    "content-type": "application/json",
    "content-length": Buffer.byteLength(body),
  });
  if (request.method === "HEAD") response.end();
  else if (request.method === "GET") response.end(body);
  else endLingering(request, response, body);
}
