import { chmod, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { hostname } from "node:os";
import { createAdminApi, createAdminServer, createProbesApi } from "../admin/admin.ts";
import type { AdminTools } from "../admin/admin-tools.ts";
import type { LoginsOptions } from "../auth/logins.ts";
import type { AdminConfig } from "../config/config.ts";
import type { ListenAddress } from "../config/listen-address.ts";
import { ConnectionLimit } from "../listeners/connection-limit.ts";
import type { CreateServer } from "../listeners/create-server.ts";
import { closeNow } from "../listeners/drain.ts";
import { listenOn, listenOnSocket } from "../listeners/listen.ts";
import type { ListenerCertificates } from "../listeners/listener-certificates.ts";
import type { UnreadAnswers } from "../listeners/unread-answers.ts";
import { Turns } from "../server/turns.ts";
import type { Layout } from "../storage/layout.ts";
import { cannot } from "../storage/storage-error.ts";
import { ConfiguredLogins } from "./configured-logins.ts";

export interface AdminListenersOptions {
  readonly tools: AdminTools;
  readonly config: AdminConfig;
  readonly layout: Layout;
  /** Of the servers that listen at an address. */
  readonly certificates: ListenerCertificates;
  readonly unread: UnreadAnswers;
  readonly logins: Omit<LoginsOptions, "listener" | "files">;
}

/** Where the admin API listens, beside the control socket. */
export interface AdminListeners {
  readonly address: ListenAddress;
  /** null: nowhere. */
  readonly metricsAddress: ListenAddress | null;
  /** Takes over who can log in, and the names by which it is asked; addresses only count when they are opened. */
  configure(config: AdminConfig): void;
}

/** Opens the listeners of the admin API, until `stack` is disposed. Rejects with ListenError or StorageError. */
export async function openAdminListeners(
  stack: AsyncDisposableStack,
  options: AdminListenersOptions,
): Promise<AdminListeners> {
  const { tools, config, layout } = options;
  const adopted = (server: Server): Server => stack.adopt(server, closeNow);
  const socketApi = createAdminApi(tools, { kind: "own", by: "the control socket" });
  const socketServer = adopted(createAdminServer(socketApi));
  await openControlSocket(socketServer, layout);
  const { log } = options.logins;
  socketServer.on("error", (err) => {
    log.error({ err, listener: "control" }, "a connection was not accepted");
  });
  const names = new OwnNames(options);
  const loginTools = { ...options.logins, listener: "admin" };
  const logins = stack.use(new ConfiguredLogins(loginTools, config.auth));
  const api = createAdminApi(tools, {
    kind: "address",
    isOwnName: (name) => names.has(name),
    logins: () => logins.present,
  });
  const listened = adopted(createAdminServer(api, bounded(options, "admin", pagesAtOnce)));
  const address = await listenOn(listened, config.listen, "admin.listen");
  return {
    address,
    metricsAddress: await openProbes(adopted, options),
    configure: (next) => {
      names.configure(next);
      logins.configure(next.auth);
    },
  };
}

async function openProbes(
  adopted: (server: Server) => Server,
  options: AdminListenersOptions,
): Promise<ListenAddress | null> {
  const { tools, config } = options;
  if (config.metricsListen === null) return null;
  const create = bounded(options, "metrics", probesAtOnce);
  const server = adopted(createAdminServer(createProbesApi(tools), create));
  return await listenOn(server, config.metricsListen, "admin.metricsListen");
}

// A browser opens six for a page, and a few people look at it.
const pagesAtOnce = 64;

// What is asked is a line and a few headers, what is ordered a line of JSON.
const requestTimeouts = {
  headersTimeout: 15_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 5_000,
};

// Prometheus needs one, a balancer that probes a few.
const probesAtOnce = 32;

function bounded(
  { certificates, unread, logins: { log, metrics, monotonicMs } }: AdminListenersOptions,
  listener: string,
  most: number,
): CreateServer {
  const refusal = (error: string): string => `${JSON.stringify({ error })}\n`;
  const limits = { most, mostPerAddress: null, isProxy: () => false };
  const limit = new ConnectionLimit({
    listener,
    limits,
    refusal,
    // No answer here waits for an upstream that would not end it by itself.
    makeRoom: () => false,
    log,
    metrics,
    monotonicMs,
  });
  const create = limit.bounding(unread.lookingAfter(certificates.createServer));
  const turns = new Turns();
  return (options, answer) =>
    create({ ...options, ...requestTimeouts }, (request, response) =>
      turns.take(request.socket, response, () => void answer(request, response)),
    );
}

/** The names that the operator has given to the machine, here or there. */
class OwnNames {
  readonly #certificates: ListenerCertificates;
  #names: ReadonlySet<string> = new Set();

  constructor({ config, certificates }: AdminListenersOptions) {
    this.#certificates = certificates;
    this.configure(config);
  }

  configure({ listen, hosts }: AdminConfig): void {
    const machine = hostname().toLowerCase();
    const [label = ""] = machine.split(".");
    this.#names = new Set([machine, label, listen.host.toLowerCase(), ...hosts]);
  }

  /** Whether it is one of them; lower-case, without a port. */
  has(name: string): boolean {
    return this.#names.has(name) || this.#certificates.areFor(name);
  }
}

/** The directory's lock is held, so a socket that lies there belongs to nobody. */
async function openControlSocket(server: Server, layout: Layout): Promise<void> {
  await rm(layout.controlSocket, { force: true }).catch((error: unknown) => {
    throw cannot(`remove ${layout.controlSocket}`, error);
  });
  await listenOnSocket(server, layout.controlSocket);
  await chmod(layout.controlSocket, 0o600);
}
