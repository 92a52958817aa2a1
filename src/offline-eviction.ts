import { answerEviction, type EvictionAnswer } from "./admin/eviction.ts";
import type { Config } from "./config/config.ts";
import { Accesses } from "./mirror/accesses.ts";
import { evictionPolicies, presentPolicy } from "./mirror/eviction-policy.ts";
import { type EvictionAim, Evictor } from "./mirror/evictor.ts";
import { openStorage } from "./open-storage.ts";
import type { DiskUsage } from "./storage/disk-budget.ts";
import type { Log } from "./telemetry/log.ts";
import { Metrics } from "./telemetry/metrics.ts";

export interface OfflineEviction {
  readonly config: Config;
  readonly version: string;
  readonly log: Log;
  readonly dryRun: boolean;
  /** How far to go, once it is known what there is. */
  readonly aimAt: (usage: DiskUsage) => EvictionAim;
}

/** Evicts in a directory that no daemon runs in. Rejects with StorageError if one does, or it cannot be used. */
export async function evictOffline(options: OfflineEviction): Promise<EvictionAnswer> {
  const { config, version, log, dryRun, aimAt } = options;
  await using stack = new AsyncDisposableStack();
  const now = Date.now;
  const monotonicMs = (): number => performance.now();
  const { store, catalog, budget, locks } = await openStorage(stack, {
    config,
    log,
    now,
    monotonicMs,
  });
  const policy = evictionPolicies[presentPolicy];
  const evictor = new Evictor(
    {
      store,
      catalog,
      budget,
      accesses: stack.use(new Accesses({ catalog, budget, log, now, policy })),
      locks,
      metrics: new Metrics(version),
      log,
      now,
      onEvicted: () => {},
    },
    config.eviction,
  );
  const order = { dryRun, ...aimAt(await budget.usage()) };
  return await answerEviction({ evictor, budget }, order);
}
