import type { OpenAPIHono } from "@hono/zod-openapi";
import type { Doctor } from "../doctor/doctor.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { Catalog } from "../storage/catalog.ts";
import type { DiskBudget } from "../storage/disk-budget.ts";
import type { Statistics } from "../storage/statistics/statistics.ts";
import type { ChangeableLevel } from "../telemetry/changeable-level.ts";
import type { Health } from "../telemetry/health.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { KnownLimits } from "../upstream/accounts/account-limits.ts";
import type { EndpointStatus } from "../upstream/endpoints/endpoint-status.ts";
import type { Upstreams } from "../upstream/upstreams.ts";
import type { UpstreamLoad } from "./load.ts";

/** What the admin API shows and works on. */
export interface AdminTools {
  readonly mirror: Mirror;
  /** The upstreams of the present configuration, and what is known of their limits and endpoints. */
  readonly configured: {
    readonly present: Upstreams;
    readonly limits: readonly KnownLimits[];
    readonly endpoints: readonly EndpointStatus[];
    readonly loads: readonly UpstreamLoad[];
  };
  readonly catalog: Catalog;
  readonly budget: DiskBudget;
  readonly health: Health;
  readonly doctor: Doctor;
  readonly metrics: Metrics;
  readonly statistics: Statistics;
  readonly logLevel: ChangeableLevel;
  readonly version: string;
  readonly log: Log;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** When the daemon began to count, in ms since the epoch; null where none runs. */
  readonly startedAtMs: number | null;
}

/** The routes of the admin API, and what they are described by. */
export type AdminApi = OpenAPIHono;
