import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import { type CountedBy, RequestCounts } from "./request-counts.ts";

// A hit takes well under a millisecond, a large cold layer minutes.
const durationBucketsSeconds = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 120, 600,
];

const fillResults = [
  "stored",
  // For want of room, or by a failing disk.
  "unstored",
  // Complete, and not to be stored: a rule says so.
  "passed",
  "failed",
  // Upstream has no such blob, or does not give it to us.
  "refused",
  // Ended because nobody read it any more, or the mirror stops.
  "abandoned",
] as const;

/** What can come of a fill. */
export type FillResult = (typeof fillResults)[number];

// What alerts are about: the first of each must not be missed.
const troubleStatuses = ["failed", "401", "403", "429", "500", "502", "503", "504"];

/** Why a connection is not served: all are taken, or all that one address may have. */
export type ConnectionRefusal = "full" | "address";

const refusalReasons: readonly ConnectionRefusal[] = ["full", "address"];

const loginFailures = ["wrong", "limited", "busy", "closed"];

/** Every metric sluice has. Labels are of bounded variety: never a repository, a tag or a digest. */
export class Metrics {
  readonly registry: Registry = new Registry();

  /** What the next one and `sentBytes` are told from. */
  readonly requestCounts: RequestCounts = new RequestCounts();

  readonly requests: Counter<keyof CountedBy> = new Counter({
    name: "sluice_requests_total",
    help: "Requests to the registry API by upstream, kind of content and outcome.",
    labelNames: ["upstream", "kind", "outcome"],
    registers: [this.registry],
    collect: () => this.requestCounts.tell(this.requests, "requests"),
  });
  readonly requestDuration: Histogram<keyof CountedBy> = new Histogram({
    name: "sluice_request_duration_seconds",
    help: "Time from a request's header to the last byte of its answer.",
    labelNames: ["upstream", "kind", "outcome"],
    buckets: durationBucketsSeconds,
    registers: [this.registry],
  });
  readonly sentBytes: Counter<keyof CountedBy> = new Counter({
    name: "sluice_sent_bytes_total",
    help: "Bytes of content sent to clients.",
    labelNames: ["upstream", "kind", "outcome"],
    registers: [this.registry],
    collect: () => this.requestCounts.tell(this.sentBytes, "sentBytes"),
  });
  readonly upstreamRequests: Counter<"upstream" | "kind" | "status"> = new Counter({
    name: "sluice_upstream_requests_total",
    help: 'Requests to upstreams by status; "failed" where no answer came.',
    labelNames: ["upstream", "kind", "status"],
    registers: [this.registry],
  });
  readonly upstreamReceivedBytes: Counter<"upstream"> = new Counter({
    name: "sluice_upstream_received_bytes_total",
    help: "Bytes of content received from upstreams.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly upstreamRateLimit: Gauge<"upstream" | "endpoint" | "account"> = new Gauge({
    name: "sluice_upstream_rate_limit",
    help: "Pulls that a registry lets an account have in its window; none where it names no limit.",
    labelNames: ["upstream", "endpoint", "account"],
    registers: [this.registry],
  });
  readonly upstreamRateLimitRemaining: Gauge<"upstream" | "endpoint" | "account"> = new Gauge({
    name: "sluice_upstream_rate_limit_remaining",
    help: "How many of them were left when the registry last said so.",
    labelNames: ["upstream", "endpoint", "account"],
    registers: [this.registry],
  });
  readonly upstreamUp: Gauge<"upstream"> = new Gauge({
    name: "sluice_upstream_up",
    help: "1 while an endpoint of the upstream is asked, 0 while all are left alone, or it is offline.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly endpointUp: Gauge<"upstream" | "endpoint"> = new Gauge({
    name: "sluice_upstream_endpoint_up",
    help: "1 while the endpoint is asked, 0 while it is left alone after failures, or offline.",
    labelNames: ["upstream", "endpoint"],
    registers: [this.registry],
  });
  readonly upstreamConnections: Gauge<"upstream"> = new Gauge({
    name: "sluice_upstream_connections",
    help: "Connections to an upstream in use: questions and downloads that have one.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly upstreamConnectionsLimit: Gauge<"upstream"> = new Gauge({
    name: "sluice_upstream_connections_limit",
    help: "How many of them there may be (upstreams.NAME.maxConnections).",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly upstreamConnectionsAwaited: Gauge<"upstream"> = new Gauge({
    name: "sluice_upstream_connections_awaited",
    help: "Questions and downloads that wait for one of them to become free.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly upstreamAwaited: Gauge<"upstream"> = new Gauge({
    name: "sluice_upstream_awaited_by_requests",
    help: "Requests of clients that wait for an upstream, readers of fills for as long as nothing comes included.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly upstreamRefused: Counter<"upstream" | "reason"> = new Counter({
    name: "sluice_upstream_refused_total",
    help: 'What an upstream was not asked for because it is slow; reason "connections" (to it), "clients" (that wait for it), or "stalled" (bodies that were ended to make room).',
    labelNames: ["upstream", "reason"],
    registers: [this.registry],
  });
  readonly fillsInFlight: Gauge<"upstream"> = new Gauge({
    name: "sluice_fills_in_flight",
    help: "Blobs that are being filled from an upstream now.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly fills: Counter<"upstream" | "result"> = new Counter({
    name: "sluice_fills_total",
    help: "Fills that ended, by what came of them: stored, unstored, passed, failed, refused or abandoned.",
    labelNames: ["upstream", "result"],
    registers: [this.registry],
  });
  readonly unstoredFills: Counter<"upstream"> = new Counter({
    name: "sluice_unstored_fills_total",
    help: "Blobs and manifests that came and were not stored, for want of room or by a failing disk.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly unstoredPulls: Counter<"upstream"> = new Counter({
    name: "sluice_unstored_pulls_total",
    help: "Pulls that went on from upstream by themselves because the store took no more.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly authenticationFailures: Counter<"listener" | "reason"> = new Counter({
    name: "sluice_authentication_failures_total",
    help: "Logins that were not let in: wrong, limited (too many of an address were), busy (too many at once), closed (a file is broken).",
    labelNames: ["listener", "reason"],
    registers: [this.registry],
  });
  readonly digestMismatches: Counter<"upstream"> = new Counter({
    name: "sluice_digest_mismatches_total",
    help: "Answers of upstreams whose bytes did not have the digest asked for; none was served or stored.",
    labelNames: ["upstream"],
    registers: [this.registry],
  });
  readonly scrubbedBytes: Counter = new Counter({
    name: "sluice_scrubbed_bytes_total",
    help: "Bytes of stored content that were read again and compared with their digest.",
    registers: [this.registry],
  });
  readonly storedDigestMismatches: Counter = new Counter({
    name: "sluice_stored_digest_mismatches_total",
    help: "Stored blobs that turned out not to be what their digest says.",
    registers: [this.registry],
  });
  readonly storedBytes: Gauge = new Gauge({
    name: "sluice_stored_bytes",
    help: "Bytes of stored content.",
    registers: [this.registry],
  });
  readonly storedBlobs: Gauge = new Gauge({
    name: "sluice_stored_blobs",
    help: "Number of stored blobs, manifests included.",
    registers: [this.registry],
  });
  readonly evictedBytes: Counter<"reason"> = new Counter({
    name: "sluice_evicted_bytes_total",
    help: "Bytes of content evicted, by reason: idle, size or purge.",
    labelNames: ["reason"],
    registers: [this.registry],
  });
  readonly evictedObjects: Counter<"reason"> = new Counter({
    name: "sluice_evicted_objects_total",
    help: "Blobs and manifests evicted, by reason: idle, size or purge.",
    labelNames: ["reason"],
    registers: [this.registry],
  });
  readonly statisticsFailures: Counter = new Counter({
    name: "sluice_statistics_write_failures_total",
    help: "Times that the statistics could not be written; they wait in memory for half a day.",
    registers: [this.registry],
  });
  readonly storageUsedBytes: Gauge = new Gauge({
    name: "sluice_storage_used_bytes",
    help: "What counts against the bound: content, what is arriving, the catalog, removed files that are still read.",
    registers: [this.registry],
  });
  readonly storageLimitBytes: Gauge = new Gauge({
    name: "sluice_storage_limit_bytes",
    help: "The bound on everything under the storage directory (storage.maxSize).",
    registers: [this.registry],
  });
  readonly connections: Gauge<"listener"> = new Gauge({
    name: "sluice_connections",
    help: "Connections of clients that are open, by listener: server, admin or metrics.",
    labelNames: ["listener"],
    registers: [this.registry],
  });
  readonly connectionsLimit: Gauge<"listener"> = new Gauge({
    name: "sluice_connections_limit",
    help: "How many connections of clients may be open.",
    labelNames: ["listener"],
    registers: [this.registry],
  });
  readonly connectionsRefused: Counter<"listener" | "reason"> = new Counter({
    name: "sluice_connections_refused_total",
    help: 'Connections that were not served; reason "full" or "address" (server.maxConnectionsPerAddress).',
    labelNames: ["listener", "reason"],
    registers: [this.registry],
  });
  readonly connectionsEnded: Counter<"listener"> = new Counter({
    name: "sluice_connections_ended_total",
    help: "Connections without a request that were ended to make room for others.",
    labelNames: ["listener"],
    registers: [this.registry],
  });
  readonly certificateExpiry: Gauge<"listener" | "name"> = new Gauge({
    name: "sluice_certificate_expiry_seconds",
    help: "When a listener's certificate ends, in seconds since 1970; by its first name.",
    labelNames: ["listener", "name"],
    registers: [this.registry],
  });
  readonly certificatesUnusable: Gauge<"listener" | "upstream"> = new Gauge({
    name: "sluice_certificates_unusable",
    help: "Certificates and authorities of a listener, or of an upstream that has its own, whose files cannot be used now; the old ones stay.",
    labelNames: ["listener", "upstream"],
    registers: [this.registry],
  });
  readonly buildInfo: Gauge<"version" | "node"> = new Gauge({
    name: "sluice_build_info",
    help: "1, with the versions of sluice and of Node as labels.",
    labelNames: ["version", "node"],
    registers: [this.registry],
  });

  constructor(version: string) {
    this.buildInfo.set({ version, node: process.versions.node }, 1);
    for (const reason of ["idle", "size", "purge"]) {
      this.evictedBytes.inc({ reason }, 0);
      this.evictedObjects.inc({ reason }, 0);
    }
  }

  /** Begins what is counted of an upstream at 0: to Prometheus what was not there before has not increased. */
  beginUpstream(upstream: string): void {
    const { unstoredFills, unstoredPulls, digestMismatches, upstreamReceivedBytes } = this;
    for (const counter of [unstoredFills, unstoredPulls, digestMismatches, upstreamReceivedBytes]) {
      counter.inc({ upstream }, 0);
    }
    for (const result of fillResults) this.fills.inc({ upstream, result }, 0);
    for (const reason of ["connections", "clients", "stalled"])
      this.upstreamRefused.inc({ upstream, reason }, 0);
    for (const status of troubleStatuses) {
      for (const kind of ["manifest", "blob"]) {
        this.upstreamRequests.inc({ upstream, kind, status }, 0);
      }
    }
  }

  /** The same of a listener whose connections are bounded. */
  beginConnections(listener: string): void {
    for (const reason of refusalReasons) this.connectionsRefused.inc({ listener, reason }, 0);
    this.connectionsEnded.inc({ listener }, 0);
  }

  /** The same of a listener at which somebody can log in. */
  beginLogins(listener: string): void {
    for (const reason of loginFailures) this.authenticationFailures.inc({ listener, reason }, 0);
  }

  /** Adds the `process_` and `nodejs_` metrics, which watch the whole process. */
  watchProcess(): void {
    collectDefaultMetrics({ register: this.registry });
    // Gauges called as counters are, of what other metrics tell by type.
    for (const what of ["handles", "requests", "resources"]) {
      this.registry.removeSingleMetric(`nodejs_active_${what}_total`);
    }
  }
}
