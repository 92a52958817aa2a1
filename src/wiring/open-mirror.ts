import type { Config } from "../config/config.ts";
import type { Doctor } from "../doctor/doctor.ts";
import { usualConnections, usualUpstreamConnections } from "../listeners/usual-connections.ts";
import { Mirror } from "../mirror/mirror.ts";
import { Rules } from "../mirror/tags/rules.ts";
import { Statistics } from "../storage/statistics/statistics.ts";
import { ChangeableLevel } from "../telemetry/changeable-level.ts";
import { Health } from "../telemetry/health.ts";
import type { Log } from "../telemetry/log.ts";
import { Metrics } from "../telemetry/metrics.ts";
import { openFilesLimit } from "../telemetry/open-files.ts";
import { Crowds } from "../upstream/crowd.ts";
import { ReceiveBuffers } from "../upstream/exchange/receive-buffers.ts";
import { buildDoctor } from "./build-doctor.ts";
import { ConfiguredUpstreams } from "./configured-upstreams.ts";
import { openStorage, type Storage } from "./open-storage.ts";

export interface MirrorOptions {
  readonly config: Config;
  readonly version: string;
  readonly log: Log;
  /** Where the outbound proxy is read. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
  /** How long the doctor waits for one answer; as long as it thinks right unless it is given. */
  readonly doctorLimitMs?: number | undefined;
  /** As MirrorTools has it. */
  readonly writePatienceMs?: number | undefined;
}

/** A mirror and all that it works with; nobody can reach it yet, and nothing happens in it by itself. */
export interface OpenMirror extends Storage {
  readonly mirror: Mirror;
  readonly configured: ConfiguredUpstreams;
  readonly crowds: Crowds;
  readonly health: Health;
  readonly metrics: Metrics;
  readonly statistics: Statistics;
  readonly logLevel: ChangeableLevel;
  readonly doctor: Doctor;
}

/**
 * Opens the mirror of a configuration, for this process alone until `stack` is disposed; no upstream is asked. Rejects with
 * StorageError if another process has its directory, or if it cannot be used.
 */
export async function openMirror(
  stack: AsyncDisposableStack,
  options: MirrorOptions,
): Promise<OpenMirror> {
  const { config, version } = options;
  const storage = await openStorage(stack, options);
  const metrics = new Metrics(version);
  const { log, now } = options;
  const logLevel = stack.use(new ChangeableLevel({ log, configured: config.log.level, now }));
  const statistics = stack.use(new Statistics({ ...storage, ...options, metrics }));
  const mirror = new Mirror(
    { ...storage, ...options, metrics },
    new Rules(config.freshness),
    config.eviction,
  );
  stack.defer(() => mirror.stop());
  const receiveBuffers = new ReceiveBuffers();
  const outbound = { ...options, metrics, userAgent: `sluice/${version}`, receiveBuffers };
  const filesLimit = await openFilesLimit();
  // Clients may have been promised more connections than there are descriptors for.
  const affordable = usualConnections(filesLimit);
  const clients = Math.min(config.server.maxConnections ?? affordable, affordable);
  const crowds = new Crowds({ ...outbound, clients });
  // Stopped before the mirror: a fill that waits for an upstream ends when its connection does.
  const configured = stack.use(
    new ConfiguredUpstreams({
      ...outbound,
      usualConnections: usualUpstreamConnections(filesLimit),
      crowds,
    }),
  );
  configured.configure(config.upstreams);
  const { catalog } = storage;
  const health = new Health([{ name: "the catalog", check: () => catalog.check() }]);
  const doctor = buildDoctor({ ...outbound, holdsStorage: true });
  return { ...storage, mirror, configured, crowds, health, metrics, statistics, logLevel, doctor };
}
