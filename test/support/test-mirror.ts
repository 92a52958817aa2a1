import { mkdtempDisposable } from "node:fs/promises";
import type { ServerOptions } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import type {
  CertificateFiles,
  Config,
  FreshnessConfig,
  UpstreamConfig,
} from "../../src/config/config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import type { Size } from "../../src/config/units.ts";
import { logOptions } from "../../src/telemetry/log.ts";
import { type Daemon, startDaemon } from "../../src/wiring/daemon.ts";
import { assertDocumented } from "./documented-log.ts";
import type { FakeUpstream } from "./fake-upstream.ts";
import { type RawAnswer, RawRequest, rawRequest } from "./raw-client.ts";

export interface TestMirrorOptions {
  /** By name, in the order of the configuration; the first one is the default. */
  readonly upstreams: Readonly<Record<string, FakeUpstream | string>>;
  /** What is different about an upstream's configuration. */
  readonly settings?: Readonly<Record<string, Partial<UpstreamConfig>>>;
  /** Stores here, so that it outlives this mirror; else in a temporary directory. */
  readonly directory?: string;
  readonly maxSize?: Size;
  readonly minFree?: Size;
  /** In which all that is stored is read once; without it nothing is. */
  readonly scrubMs?: number;
  readonly eviction?: Partial<Config["eviction"]>;
  readonly ttlMs?: number;
  /** What differs from the defaults. */
  readonly freshness?: Partial<FreshnessConfig>;
  /** As MirrorOptions has it; a minute unless it is given. */
  readonly writePatienceMs?: number;
  readonly writeIdleMs?: number;
  readonly requestTimeouts?: ServerOptions;
  /** Is told each line of the log in the call that writes it: what wrote it goes on when this returns. */
  readonly onLogLine?: (line: Record<string, unknown>) => void;
  /** Whether the clock that never jumps goes on by itself too: a test that needs it waits for the machine. */
  readonly machineClock?: boolean;
  /** What the clock on the wall says at the start. */
  readonly nowMs?: number;
  /** Of `server.listen`; else any that is free. */
  readonly port?: number;
  /** Of `server` and `admin`; else plain HTTP. */
  readonly tls?: readonly CertificateFiles[];
  readonly adminTls?: readonly CertificateFiles[];
  /** What else differs from the defaults of `server` and `admin`. */
  readonly server?: Partial<Config["server"]>;
  readonly admin?: Partial<Config["admin"]>;
}

interface Clock {
  nowMs: number;
  monotonicMs: number;
}

/** The daemon in this process, on ports of its own, with clocks that only move when told. */
export class TestMirror implements AsyncDisposable {
  readonly daemon: Daemon;
  readonly logLines: Record<string, unknown>[];
  readonly #clock: Clock;
  readonly #resources: AsyncDisposableStack;
  readonly #config: Config;
  readonly #options: TestMirrorOptions;

  private constructor(
    daemon: Daemon,
    parts: {
      readonly config: Config;
      readonly options: TestMirrorOptions;
      readonly clock: Clock;
      readonly logLines: Record<string, unknown>[];
      readonly resources: AsyncDisposableStack;
    },
  ) {
    this.daemon = daemon;
    this.logLines = parts.logLines;
    this.#config = parts.config;
    this.#options = parts.options;
    this.#clock = parts.clock;
    this.#resources = parts.resources;
  }

  static async start(options: TestMirrorOptions): Promise<TestMirror> {
    await using resources = new AsyncDisposableStack();
    const directory =
      options.directory ?? resources.use(await mkdtempDisposable(join(tmpdir(), "sluice-"))).path;
    const config = configOf(await defaults, { options, directory });
    const { nowMs = Date.parse("2026-01-01T00:00:00Z") } = options;
    const clock: Clock = { nowMs, monotonicMs: 1_000_000 };
    const machineMs = options.machineClock ? () => performance.now() : () => 0;
    const logLines: Record<string, unknown>[] = [];
    const log = pino(logOptions("info"), {
      write: (text: string) => {
        const line: Record<string, unknown> = JSON.parse(text);
        logLines.push(line);
        options.onLogLine?.(line);
      },
    });
    const daemon = resources.use(
      await startDaemon({
        config,
        version: "0.0.0-test",
        log,
        env: {},
        now: () => clock.nowMs,
        monotonicMs: () => clock.monotonicMs + machineMs(),
        // A test waits for what is stored, on the slowest disk.
        writePatienceMs: options.writePatienceMs ?? 60_000,
        ...(options.writeIdleMs === undefined ? {} : { writeIdleMs: options.writeIdleMs }),
        ...(options.requestTimeouts && { requestTimeouts: options.requestTimeouts }),
      }),
    );
    return new TestMirror(daemon, {
      config,
      options,
      clock,
      logLines,
      resources: resources.move(),
    });
  }

  get url(): string {
    return `http${this.#options.tls ? "s" : ""}://127.0.0.1:${this.daemon.address.port}`;
  }

  /** Where it stores. */
  get directory(): string {
    return this.#config.storage.directory;
  }

  get adminUrl(): string {
    return `http${this.#options.adminTls ? "s" : ""}://127.0.0.1:${this.daemon.adminAddress.port}`;
  }

  /** One request to its end. */
  get(target: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
    return rawRequest(this.url, "GET", target, headers);
  }

  head(target: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
    return rawRequest(this.url, "HEAD", target, headers);
  }

  /** A request that is in flight until it is disposed. */
  open(target: string, headers: Readonly<Record<string, string>> = {}): RawRequest {
    return new RawRequest(this.url, "GET", target, headers);
  }

  /** The same from a client that speaks HTTP/1.0. */
  openOld(target: string): RawRequest {
    return new RawRequest(this.url, "GET", target, {}, "1.0");
  }

  /** What the store holds, as `sluice stats` tells it. */
  async stored(): Promise<{ readonly blobs: number; readonly bytes: number }> {
    const answer = await this.admin("/api/v1/stats");
    const { blobs, bytes } = JSON.parse(answer.body.toString()).stored;
    return { blobs, bytes };
  }

  /** Lets time pass. */
  advance(durationMs: number): void {
    this.#clock.nowMs += durationMs;
    this.#clock.monotonicMs += durationMs;
  }

  /** Sets the wall clock forward, or back if it is negative, while no time passes. */
  setClockBy(durationMs: number): void {
    this.#clock.nowMs += durationMs;
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  /** Resolves when no fill runs, and nothing behind an answer. */
  idle(): Promise<void> {
    return this.daemon.mirror.idle();
  }

  /** Takes over a configuration with other upstreams, or other settings of theirs, as SIGHUP does. */
  reload(
    upstreams: TestMirrorOptions["upstreams"],
    settings: TestMirrorOptions["settings"] = this.#options.settings ?? {},
  ): void {
    const next = upstreamsOf(this.#config, { ...this.#options, upstreams, settings });
    this.daemon.reload({ ...this.#config, upstreams: next });
  }

  /** Takes over a configuration with other freshness, as SIGHUP does. */
  reloadFreshness(freshness: Partial<FreshnessConfig>): void {
    const next = { ...this.#config.freshness, ...freshness };
    this.daemon.reload({ ...this.#config, freshness: next });
  }

  /** Takes over a configuration with other settings of `server`, as SIGHUP does. */
  reloadServer(server: Partial<Config["server"]>): void {
    this.daemon.reload({ ...this.#config, server: { ...this.#config.server, ...server } });
  }

  /** Takes over a configuration with other settings of `admin`, as SIGHUP does. */
  reloadAdmin(admin: Partial<Config["admin"]>): void {
    this.daemon.reload({ ...this.#config, admin: { ...this.#config.admin, ...admin } });
  }

  admin(target: string): Promise<RawAnswer> {
    return rawRequest(this.adminUrl, "GET", target);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
    for (const line of this.logLines) assertDocumented(line);
  }
}

// Once for all mirrors of a process: to make the schema takes a quarter of a mirror's start.
const defaults: Promise<Config> = loadConfig({ file: "/dev/null", env: {}, cwd: "/" }).then(
  ({ config }) => config,
);

function configOf(
  config: Config,
  { options, directory }: { readonly options: TestMirrorOptions; readonly directory: string },
): Config {
  const { maxSize = config.storage.maxSize, minFree = config.storage.minFree } = options;
  const { ttlMs = config.freshness.ttlMs, port = 0 } = options;
  return {
    ...config,
    server: {
      ...config.server,
      listen: { host: "127.0.0.1", port },
      tls: options.tls ?? [],
      ...options.server,
    },
    admin: {
      ...config.admin,
      listen: { host: "127.0.0.1", port: 0 },
      tls: options.adminTls ?? [],
      ...options.admin,
    },
    storage: { directory, maxSize, minFree, scrubMs: options.scrubMs ?? null },
    eviction: { ...config.eviction, ...options.eviction },
    freshness: { ...config.freshness, ttlMs, ...options.freshness },
    upstreams: upstreamsOf(config, options),
  };
}

function upstreamsOf({ upstreams }: Config, options: TestMirrorOptions): UpstreamConfig[] {
  const [template] = upstreams;
  if (!template) throw new Error("the defaults have no upstream");
  return Object.entries(options.upstreams).map(([name, upstream], at) => ({
    ...template,
    name,
    aliases: name === "docker.io" ? template.aliases : [],
    endpoints: [new URL(typeof upstream === "string" ? upstream : upstream.url)],
    default: at === 0,
    proxy: { kind: "direct" } as const,
    ...options.settings?.[name],
  }));
}
