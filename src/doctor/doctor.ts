import type { Config, UpstreamConfig } from "../config/config.ts";
import type { ListenAddress } from "../config/listen-address.ts";
import { checkAdmin } from "./admin-check.ts";
import { checkClients } from "./clients-check.ts";
import { Clock } from "./clock.ts";
import { collected } from "./collected.ts";
import { checkEndpoint, type ExaminedEndpoint } from "./endpoint-check.ts";
import type { Finding } from "./finding.ts";
import { checkLogins } from "./logins-check.ts";
import { checkOwnCertificates } from "./own-certificates-check.ts";
import { checkProcess } from "./process-check.ts";
import { checkStorage } from "./storage-check.ts";

export interface DoctorOptions {
  readonly config: Config;
  /** Ways to the endpoints of an upstream that give up after `limitMs`; they are disposed of afterwards. */
  readonly endpointsOf: (upstream: UpstreamConfig, limitMs: number) => readonly ExaminedEndpoint[];
  /** Whether this process has the storage directory for itself. */
  readonly holdsStorage: boolean;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** How long one thing that is asked for may take; 5 s unless it is given. */
  readonly stepLimitMs?: number;
}

// Whoever is slower makes clients wait too; and a connection, a greeting and a token take three of these at most.
const usualStepLimitMs = 5_000;

// What is asked of an endpoint, one after the other: a connection, why there is none, a greeting, a token, an image.
const stepsAtMost = 3;

/** Examines what a mirror needs: its process, the disk, every upstream, and every way in which clients ask. */
export class Doctor {
  /** As it is at the moment: a reload sets it. */
  config: Config;
  /** Where the registry API listens; null where no daemon runs. */
  listening: ListenAddress | null = null;
  readonly #options: DoctorOptions;

  constructor(options: DoctorOptions) {
    this.config = options.config;
    this.#options = options;
  }

  /** All that was found, by subject; within some 15 seconds, whatever does not answer. */
  async examine(): Promise<readonly Finding[]> {
    const { config, listening } = this;
    const { now, holdsStorage, stepLimitMs = usualStepLimitMs } = this.#options;
    const limitMs = stepsAtMost * stepLimitMs;
    const clock = new Clock(now);
    const endpoints = config.upstreams.flatMap((upstream) =>
      this.#options.endpointsOf(upstream, stepLimitMs),
    );
    const [own, upstreams, clients] = await Promise.all([
      Promise.all([
        collected("process", limitMs, checkProcess()),
        collected("storage", limitMs, checkStorage(config.storage, holdsStorage)),
        collected("admin", limitMs, checkAdmin(config.admin)),
        collected("tls", limitMs, checkOwnCertificates(config, now)),
        collected("server.auth", limitMs, checkLogins(config)),
      ]),
      Promise.all(
        endpoints.map((one) =>
          collected(one.upstream.name, limitMs, checkEndpoint(one, { clock, now, stepLimitMs })),
        ),
      ),
      listening
        ? collected("clients", limitMs, checkClients({ config, listening, stepLimitMs }))
        : [],
    ]);
    return [own, clock.findings(), upstreams, clients].flat(2);
  }
}
