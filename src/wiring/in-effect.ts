import type { AdminConfig, Config, ListenerConfig } from "../config/config.ts";
import { isLoopbackName } from "../config/loopback.ts";
import type { Log } from "../telemetry/log.ts";

/** The configuration that a daemon goes by: what it started with, and of what was read since all but what waits for the next start. */
export class ConfigInEffect {
  readonly #log: Log;
  #present: Config;
  #read: Config;

  constructor(started: Config, log: Log) {
    this.#log = log;
    this.#present = started;
    this.#read = started;
  }

  /** What is in effect once `next` was read. What waits is in the log. */
  take(next: Config): Config {
    this.#present = inEffect(this.#present, next);
    for (const part of ["server", "admin", "storage"] as const) {
      if (hasNewlyWaiting(next[part], this.#present[part], this.#read[part])) {
        this.#log.warn(
          { key: part },
          "changed in the configuration, takes effect with the next start",
        );
      }
    }
    this.#read = next;
    return this.#present;
  }
}

/** What runs once `next` was read by a daemon that has listened since it started, and went by `present`. */
function inEffect(present: Config, next: Config): Config {
  const { server, admin, eviction, freshness, upstreams, log } = next;
  const { auth, access, trustedProxies } = server;
  const { clientCertificates: asked } = present.server;
  // A listener that asks nobody for a certificate does not begin to, nor one without TLS to speak it.
  const clientCertificates = asked && (server.clientCertificates ?? asked);
  const shown = { clientCertificates, tls: tlsInEffect(present.server, server) };
  const { hosts } = admin;
  const adminAuth = adminAuthInEffect(present.admin, admin);
  return {
    ...present,
    server: { ...present.server, ...shown, auth, access, trustedProxies },
    admin: { ...present.admin, auth: adminAuth, hosts, tls: tlsInEffect(present.admin, admin) },
    eviction,
    freshness,
    upstreams,
    log,
  };
}

/** `next` needs no login where it is to listen; where the listener was opened others than this machine may reach it. */
function adminAuthInEffect(present: AdminConfig, next: AdminConfig): AdminConfig["auth"] {
  return isLoopbackName(present.listen.host) ? next.auth : (next.auth ?? present.auth);
}

function tlsInEffect(present: ListenerConfig, next: ListenerConfig): ListenerConfig["tls"] {
  return present.tls.length > 0 && next.tls.length > 0 ? next.tls : present.tls;
}

/** Whether a key says something else than what is in effect, which `read`, the file of before, did not say yet. */
function hasNewlyWaiting<Part extends object>(next: Part, present: Part, read: Part): boolean {
  const [current, said] = [new Map(Object.entries(present)), new Map(Object.entries(read))];
  return Object.entries(next).some(
    ([key, value]) => !isSame(value, current.get(key)) && !isSame(value, said.get(key)),
  );
}

/** Of values that are plain. */
function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
