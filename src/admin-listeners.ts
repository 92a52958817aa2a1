import { chmod, rm } from "node:fs/promises";
import type { Server } from "node:http";
import {
  type CreateServer,
  createAdminApi,
  createAdminServer,
  createProbesApi,
} from "./admin/admin.ts";
import type { AdminTools } from "./admin/admin-tools.ts";
import type { AdminConfig } from "./config/config.ts";
import type { ListenAddress } from "./config/listen-address.ts";
import { closeNow } from "./drain.ts";
import { listenOn, listenOnSocket } from "./listen.ts";
import type { Layout } from "./storage/layout.ts";

export interface AdminListenersOptions {
  readonly tools: AdminTools;
  readonly config: AdminConfig;
  readonly layout: Layout;
  /** Makes the servers that listen at an address, with TLS for example. */
  readonly createServer: CreateServer;
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
  { tools, config, layout, createServer }: AdminListenersOptions,
): Promise<AdminListeners> {
  const adopted = (server: Server): Server => stack.adopt(server, closeNow);
  await openControlSocket(
    adopted(createAdminServer(createAdminApi(tools, "the control socket"))),
    layout,
  );
  const listened = adopted(createAdminServer(createAdminApi(tools, null), createServer));
  const address = await listenOn(listened, config.listen, "admin.listen");
  if (config.metricsListen === null) return { address, metricsAddress: null };
  const probed = adopted(createAdminServer(createProbesApi(tools), createServer));
  const key = "admin.metricsListen";
  return { address, metricsAddress: await listenOn(probed, config.metricsListen, key) };
}

/** The directory's lock is held, so a socket that lies there belongs to nobody. */
async function openControlSocket(server: Server, layout: Layout): Promise<void> {
  await rm(layout.controlSocket, { force: true });
  await listenOnSocket(server, layout.controlSocket);
  await chmod(layout.controlSocket, 0o600);
}
