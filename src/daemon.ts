import { randomBytes } from "node:crypto";
import { chmod, rm } from "node:fs/promises";
import { createAdminServer } from "./admin/admin.ts";
import type { Config } from "./config/config.ts";
import type { ListenAddress } from "./config/listen-address.ts";
import { ConfiguredUpstreams } from "./configured-upstreams.ts";
import { closeNow, Drain } from "./drain.ts";
import { listenOn, listenOnSocket } from "./listen.ts";
import type { FreshnessPolicy } from "./mirror/freshness.ts";
import { Mirror } from "./mirror/mirror.ts";
import { openStorage } from "./open-storage.ts";
import { RegistryServer } from "./server/server.ts";
import type { Layout } from "./storage/layout.ts";
import { StorageUpkeep } from "./storage-upkeep.ts";
import { Health } from "./telemetry/health.ts";
import type { Log } from "./telemetry/log.ts";
import { Metrics } from "./telemetry/metrics.ts";

export interface DaemonOptions {
  readonly config: Config;
  readonly version: string;
  readonly log: Log;
  /** Where the outbound proxy is read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
  /** A client that takes nothing of a body for so long is let go of; a minute unless it is given. */
  readonly writeIdleMs?: number;
}

// Clients unpack layers while they come, which can take seconds; one that reads nothing for a minute holds buffers and
// a file for nothing.
const defaultWriteIdleMs = 60_000;

/** The running mirror. Disposing it ends whatever still runs. */
export interface Daemon extends AsyncDisposable {
  readonly address: ListenAddress;
  readonly adminAddress: ListenAddress;
  readonly mirror: Mirror;
  readonly metrics: Metrics;
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
  const { config, log, version, now, monotonicMs } = options;
  const { layout, store, catalog, budget, locks } = await openStorage(stack, options);
  stack.use(new StorageUpkeep({ layout, store, catalog, locks, log, now }));
  const metrics = new Metrics(version);
  metrics.watchProcess();
  const tools = { store, catalog, budget, locks, metrics, log, now };
  const mirror = new Mirror(tools, policyOf(config), config.eviction);
  stack.defer(() => mirror.stop());
  const outbound = { ...options, metrics, userAgent: `sluice/${version}` };
  // Stopped before the mirror: a fill that waits for an upstream ends when its connection does.
  const configured = stack.use(new ConfiguredUpstreams(outbound));
  const health = new Health([{ name: "the catalog", check: () => catalog.check() }]);
  const registry = new RegistryServer({
    mirror,
    upstreams: configured.configure(config.upstreams),
    health,
    metrics,
    log,
    monotonicMs,
    writeIdleMs: options.writeIdleMs ?? defaultWriteIdleMs,
    // Another one for each process: a mirror that was moved or copied must not refuse what its twin forwards.
    instance: `sluice-${randomBytes(6).toString("hex")}`,
  });
  const simulate = mirror.simulator.simulate.bind(mirror.simulator);
  const admin = { health, metrics, catalog, budget, simulate, version, log, startedAtMs: now() };
  const control = { evictor: mirror.evictor, budget };
  const adminServer = stack.adopt(createAdminServer(admin, null), closeNow);
  const controlServer = stack.adopt(createAdminServer(admin, control), closeNow);
  const ending = stack.use(new Drain(registry.http));
  await openControlSocket(controlServer, layout);
  const adminAddress = await listenOn(adminServer, config.admin.listen, "admin.listen");
  const address = await listenOn(registry.http, config.server.listen, "server.listen");
  const running = stack.move();
  let current = config;
  return {
    address,
    adminAddress,
    mirror,
    metrics,
    reload: (next) => {
      warnOfRestart(current, next, log);
      registry.upstreams = configured.configure(next.upstreams);
      mirror.policy = policyOf(next);
      mirror.evictor.settings = next.eviction;
      log.level = next.log.level;
      current = next;
    },
    drain: (cut) => {
      health.drain();
      return ending.drain(cut);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** The directory's lock is held, so a socket that lies there belongs to nobody. */
async function openControlSocket(
  server: ReturnType<typeof createAdminServer>,
  layout: Layout,
): Promise<void> {
  await rm(layout.controlSocket, { force: true });
  await listenOnSocket(server, layout.controlSocket);
  await chmod(layout.controlSocket, 0o600);
}

function policyOf({ freshness }: Config): FreshnessPolicy {
  return freshness;
}

function warnOfRestart(before: Config, next: Config, log: Log): void {
  for (const key of ["server", "admin", "storage"] as const) {
    if (JSON.stringify(before[key]) !== JSON.stringify(next[key])) {
      log.warn({ key }, "changed in the configuration, takes effect with the next start");
    }
  }
}
