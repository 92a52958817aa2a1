import { chmod, rm } from "node:fs/promises";
import type { Server } from "node:http";
import { hostname } from "node:os";
import { createAdminApi, createAdminServer, createProbesApi } from "./admin/admin.ts";
import type { AdminTools } from "./admin/admin-tools.ts";
import type { AdminConfig } from "./config/config.ts";
import type { ListenAddress } from "./config/listen-address.ts";
import { ConnectionLimit, type CreateServer } from "./connection-limit.ts";
import { closeNow } from "./drain.ts";
import { listenOn, listenOnSocket } from "./listen.ts";
import type { ListenerCertificates } from "./listener-certificates.ts";
import type { Layout } from "./storage/layout.ts";

export interface AdminListenersOptions {
  readonly tools: AdminTools;
  readonly config: AdminConfig;
  readonly layout: Layout;
  /** Of the servers that listen at an address. */
  readonly certificates: ListenerCertificates;
  readonly monotonicMs: () => number;
}

/** Where the admin API listens, beside the control socket. */
export interface AdminListeners {
  readonly address: ListenAddress;
  /** null: nowhere. */
  readonly metricsAddress: ListenAddress | null;
}

/** Opens the listeners of the admin API, until `stack` is disposed. Rejects with ListenError. */
export async function openAdminListeners(
  stack: AsyncDisposableStack,
  options: AdminListenersOptions,
): Promise<AdminListeners> {
  const { tools, config, layout } = options;
  const adopted = (server: Server): Server => stack.adopt(server, closeNow);
  const socketApi = createAdminApi(tools, { kind: "own", by: "the control socket" });
  await openControlSocket(adopted(createAdminServer(socketApi)), layout);
  const api = createAdminApi(tools, { kind: "address", isOwnName: ownNames(options) });
  const listened = adopted(createAdminServer(api, bounded(options, "admin", pagesAtOnce)));
  const address = await listenOn(listened, config.listen, "admin.listen");
  if (config.metricsListen === null) return { address, metricsAddress: null };
  const probed = adopted(
    createAdminServer(createProbesApi(tools), bounded(options, "metrics", probesAtOnce)),
  );
  const key = "admin.metricsListen";
  return { address, metricsAddress: await listenOn(probed, config.metricsListen, key) };
}

// A browser opens six for a page, and a few people look at it.
const pagesAtOnce = 64;

// Prometheus needs one, a balancer that probes a few.
const probesAtOnce = 32;

function bounded(
  { tools, certificates, monotonicMs }: AdminListenersOptions,
  listener: string,
  most: number,
): CreateServer {
  const { log, metrics } = tools;
  const refusal = (error: string): string => `${JSON.stringify({ error })}\n`;
  const limits = { most, mostPerAddress: null };
  return new ConnectionLimit({
    listener,
    limits,
    refusal,
    log,
    metrics,
    monotonicMs,
  }).bounding(certificates.createServer);
}

/** The names that the operator has given to the machine, here or there. */
function ownNames({ config, certificates }: AdminListenersOptions): (name: string) => boolean {
  const machine = hostname().toLowerCase();
  const [label] = machine.split(".");
  const names = new Set([machine, label, config.listen.host.toLowerCase(), ...config.hosts]);
  return (name) => names.has(name) || certificates.areFor(name);
}

/** The directory's lock is held, so a socket that lies there belongs to nobody. */
async function openControlSocket(server: Server, layout: Layout): Promise<void> {
  await rm(layout.controlSocket, { force: true });
  await listenOnSocket(server, layout.controlSocket);
  await chmod(layout.controlSocket, 0o600);
}
