import { randomBytes } from "node:crypto";
import { PasswordHashing } from "../auth/password-hashing.ts";
import type { Config, ListenerConfig, ServerConfig } from "../config/config.ts";
import type { ListenAddress } from "../config/listen-address.ts";
import type { UsedCertificates } from "../config/schema/certificate-use.ts";
import { ConnectionLimit } from "../listeners/connection-limit.ts";
import type { CreateServer } from "../listeners/create-server.ts";
import { Drain } from "../listeners/drain.ts";
import { listenOn } from "../listeners/listen.ts";
import { ListenerCertificates } from "../listeners/listener-certificates.ts";
import { UnreadAnswers } from "../listeners/unread-answers.ts";
import { usualConnections } from "../listeners/usual-connections.ts";
import type { Mirror } from "../mirror/mirror.ts";
import { Rules } from "../mirror/tags/rules.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import { RegistryServer, type RegistryServerOptions } from "../server/server.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { openFilesLimit } from "../telemetry/open-files.ts";
import { openAdminListeners } from "./admin-listeners.ts";
import { ConfiguredGate } from "./configured-gate.ts";
import { ConfigInEffect } from "./in-effect.ts";
import { type MirrorOptions, type OpenMirror, openMirror } from "./open-mirror.ts";
import { StorageUpkeep } from "./storage-upkeep.ts";

export interface DaemonOptions extends MirrorOptions {
  /** A client that takes nothing of an answer for so long is let go of; a minute unless it is given. */
  readonly writeIdleMs?: number;
  /** How long a client's request may take to arrive; see `RegistryServerOptions`. */
  readonly requestTimeouts?: RegistryServerOptions["requestTimeouts"];
}

// Clients unpack layers while they come, which can take seconds; one that reads nothing for a minute holds buffers and
// a file for nothing.
const defaultWriteIdleMs = 60_000;

/** The running mirror. Disposing it ends whatever still runs. */
export interface Daemon extends AsyncDisposable {
  readonly address: ListenAddress;
  readonly adminAddress: ListenAddress;
  /** null: metrics are told at `adminAddress` only. */
  readonly metricsAddress: ListenAddress | null;
  readonly mirror: Mirror;
  readonly metrics: Metrics;
  /** What upstreams are asked with now. */
  certificates(): UsedCertificates;
  /** Takes over what can change while running, and logs what cannot. */
  reload(config: Config): void;
  /** Not ready any more, no new connections; resolves when running answers have ended, or `cut` aborts them. */
  drain(cut: AbortSignal): Promise<void>;
}

/**
 * Builds everything from the configuration and starts it; no upstream is asked. Rejects with StorageError or
 * ListenError, and then leaves nothing running.
 */
export async function startDaemon(options: DaemonOptions): Promise<Daemon> {
  await using stack = new AsyncDisposableStack();
  const { config, log, now, monotonicMs } = options;
  const opened = await openMirror(stack, options);
  const { layout, mirror, configured, health, metrics, doctor, logLevel } = opened;
  metrics.watchProcess();
  mirror.evictor.watch();
  const { verifier } = mirror;
  const upkeep = { log, now, monotonicMs, verifier, scrubMs: config.storage.scrubMs };
  stack.use(new StorageUpkeep({ ...opened, ...upkeep }));
  const certificates = await openCertificates(stack, options, metrics);
  const logins = { log, metrics, monotonicMs, hashing: new PasswordHashing() };
  const gate = stack.use(new ConfiguredGate({ ...logins, listener: "server" }, config.server));
  const unread = new UnreadAnswers(options.writeIdleMs ?? defaultWriteIdleMs);
  const createServer = await bounded(options, { ...opened, certificates, gate, unread });
  const registry = buildRegistry(opened, options, { createServer, gate: () => gate.present });
  const admin = await openAdminListeners(stack, {
    tools: { ...opened, ...options, startedAtMs: now() },
    config: config.admin,
    layout,
    certificates: certificates.admin,
    unread,
    logins,
  });
  const ending = stack.use(new Drain(registry.http));
  const address = await listenOn(registry.http, config.server.listen, "server.listen");
  doctor.listening = address;
  const running = stack.move();
  const effective = new ConfigInEffect(config, log);
  return {
    address,
    adminAddress: admin.address,
    metricsAddress: admin.metricsAddress,
    mirror,
    metrics,
    certificates: () => ({ upstreams: configured.configs }),
    reload: (next) => {
      const present = effective.take(next);
      // What comes of it is in the log.
      void certificates.server.configure(filesOf(present.server));
      void certificates.admin.configure(filesOf(present.admin));
      gate.configure(present.server);
      admin.configure(present.admin);
      configured.configure(present.upstreams);
      mirror.rules = new Rules(present.freshness);
      doctor.config = present;
      mirror.evictor.settings = present.eviction;
      logLevel.configure(present.log.level);
    },
    drain: (cut) => {
      health.drain();
      return ending.drain(cut);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

interface Certificates {
  readonly server: ListenerCertificates;
  readonly admin: ListenerCertificates;
}

async function openCertificates(
  stack: AsyncDisposableStack,
  { config, log, now }: DaemonOptions,
  metrics: Metrics,
): Promise<Certificates> {
  const open = async (listener: "server" | "admin"): Promise<ListenerCertificates> => {
    const http2 = listener === "server" && config.server.http2;
    const named = filesOf(config[listener]);
    return stack.use(
      await ListenerCertificates.open({ listener, ...named, http2, log, metrics, now }),
    );
  };
  return { server: await open("server"), admin: await open("admin") };
}

interface Guarded extends OpenMirror {
  readonly certificates: Certificates;
  readonly gate: ConfiguredGate;
  readonly unread: UnreadAnswers;
}

/** Makes the registry's server, whose connections are bounded, and its answers too. */
async function bounded(
  { config, log, monotonicMs }: DaemonOptions,
  { metrics, crowds, certificates, gate, unread }: Guarded,
): Promise<CreateServer> {
  const { maxConnections, maxConnectionsPerAddress: mostPerAddress } = config.server;
  const isProxy = (address: string): boolean => gate.present.isProxy(address);
  const most = maxConnections ?? usualConnections(await openFilesLimit());
  const refusal = (sentence: string): string =>
    new DistributionError("UNAVAILABLE", sentence).toBody();
  return new ConnectionLimit({
    listener: "server",
    limits: { most, mostPerAddress, isProxy },
    refusal,
    makeRoom: () => crowds.makeRoom(),
    log,
    metrics,
    monotonicMs,
  }).bounding(unread.lookingAfter(certificates.server.createServer));
}

function buildRegistry(
  { mirror, configured, health, metrics, statistics }: OpenMirror,
  { log, monotonicMs, writeIdleMs = defaultWriteIdleMs, requestTimeouts = {} }: DaemonOptions,
  listener: Pick<RegistryServerOptions, "createServer" | "gate">,
): RegistryServer {
  return new RegistryServer({
    mirror,
    upstreams: () => configured.present,
    health,
    metrics,
    meter: statistics.meter,
    log,
    monotonicMs,
    writeIdleMs,
    requestTimeouts,
    // Another one for each process: a mirror that was moved or copied must not refuse what its twin forwards.
    instance: `sluice-${randomBytes(6).toString("hex")}`,
    ...listener,
  });
}

/** The files of a listener that are followed. */
function filesOf(listener: ListenerConfig & Partial<ServerConfig>): {
  readonly files: ListenerConfig["tls"];
  readonly clientCaFile: string | null;
} {
  return { files: listener.tls, clientCaFile: listener.clientCertificates?.caFile ?? null };
}
