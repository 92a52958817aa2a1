import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import type { Socket } from "node:net";
import type { CreateServer } from "../listeners/create-server.ts";
import type { TrafficMeter } from "../storage/statistics/traffic-meter.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { followWaits, Waits } from "../telemetry/waits.ts";
import { answerForClient } from "./answer-for-client.ts";
import { ClientGone } from "./body-writer.ts";
import { toDistributionError } from "./error-answer.ts";
import { type Exchange, setHead } from "./exchange.ts";
import { Forwarding } from "./forwarding.ts";
import { answerError } from "./json-answer.ts";
import { answerMalformed, headerLimitBytes } from "./malformed.ts";
import { requestIdOf } from "./request-id.ts";
import { RequestLog } from "./request-log.ts";
import { type Later, Router, type RouterTools } from "./router.ts";
import { type Failed, type Served, servedNothing } from "./served.ts";
import { Turns } from "./turns.ts";

export interface RegistryServerOptions extends Omit<RouterTools, "forwarding"> {
  readonly metrics: Metrics;
  readonly meter: TrafficMeter;
  readonly log: Log;
  readonly monotonicMs: () => number;
  /** How long a request may take to arrive, in the words of `createServer`; usual times unless given. */
  readonly requestTimeouts?: ServerOptions;
  /** Makes the server, with TLS for example; without it, plain HTTP. */
  readonly createServer?: CreateServer;
}

// A request is a line and a few headers; who takes longer to send them does not want an answer.
const requestTimeouts = {
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 75_000,
  // How late the first two may come true.
  connectionsCheckingInterval: 5_000,
};

/** The registry API: the pull half of the distribution spec. */
export class RegistryServer {
  readonly http: Server;
  readonly #options: RegistryServerOptions;
  readonly #turns = new Turns();
  readonly #forwarding: Forwarding;
  readonly #router: Router;
  readonly #log: RequestLog;

  constructor(options: RegistryServerOptions) {
    this.#options = options;
    this.#forwarding = new Forwarding(options.monotonicMs, options.gate);
    this.#router = new Router({ ...options, forwarding: this.#forwarding });
    this.#log = new RequestLog(options);
    const { createServer: create = createServer } = options;
    const timeouts = { ...requestTimeouts, ...options.requestTimeouts };
    this.http = create({ ...timeouts, maxHeaderSize: headerLimitBytes }, (request, response) => {
      // Over HTTP/2 the requests of a connection are streams, answered beside each other.
      if (request.httpVersionMajor >= 2) this.#answer(request, response);
      else this.#turns.take(request.socket, response, () => this.#answer(request, response));
    });
    this.http.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      // A word in the middle of an answer would be taken for a part of it.
      if (this.#turns.isAnswering(socket)) socket.resetAndDestroy();
      else answerMalformed(error, socket);
    });
  }

  /** It never throws: what goes wrong becomes an answer and a log line. */
  #answer(request: IncomingMessage, response: ServerResponse): void {
    const broke = (err: unknown): void => this.#options.log.fatal({ err }, "request handler broke");
    try {
      const exchange = this.#begin(request, response);
      const served = this.#serve(exchange);
      if (typeof served === "function") this.#serveLater(exchange, served).catch(broke);
      else this.#end(exchange, served);
    } catch (err) {
      broke(err);
    }
  }

  #serve(exchange: Exchange): Served | Failed | Later {
    try {
      return this.#router.serve(exchange);
    } catch (error) {
      return this.#tell(exchange, error);
    }
  }

  async #serveLater(exchange: Exchange, later: Later): Promise<void> {
    const waits = new Waits();
    exchange.waits = waits;
    setHead(exchange);
    const served = await followWaits(waits, later).catch((error: unknown) => {
      // Before its answer began; nobody is left to tell.
      if (error instanceof ClientGone) return { ...servedNothing(null), left: error.message };
      return this.#tell(exchange, error);
    });
    this.#end(exchange, served);
  }

  #begin(request: IncomingMessage, response: ServerResponse): Exchange {
    const { monotonicMs, health, gate } = this.#options;
    const startedMs = monotonicMs();
    const forwardedFor = request.headers["x-forwarded-for"]?.toString();
    const address = gate().addressOf(request.socket.remoteAddress, forwardedFor);
    const requestId = requestIdOf(request);
    const head = ["x-request-id", requestId, "docker-distribution-api-version", "registry/2.0"];
    if (health.draining) head.push("connection", "close");
    const caller = { user: null, address };
    const known = { caller, route: null, target: null, waits: null };
    return { request, response, requestId, startedMs, head, ...known };
  }

  /** Tells the client why it is not served. */
  #tell(exchange: Exchange, error: unknown): Failed {
    const { request, response, route, target } = exchange;
    if (!response.headersSent) setHead(exchange);
    const told = toDistributionError(this.#forwarding.told(error, target));
    answerError(answerForClient(told, request.headers["user-agent"], route), request, response);
    return { error };
  }

  #end(exchange: Exchange, served: Served | Failed): void {
    const durationMs = this.#options.monotonicMs() - exchange.startedMs;
    this.#log.record({ exchange, served, durationMs });
  }
}
