import type { Config, ListenerConfig } from "../config/config.ts";
import type { Log } from "../telemetry/log.ts";

/** What runs after `next` was read by a daemon that started with `started`: the rest waits for the next start. */
export function inEffect(started: Config, next: Config): Config {
  const { server, admin, eviction, freshness, upstreams, log } = next;
  const { auth, access, trustedProxies } = server;
  const { clientCertificates: asked } = started.server;
  // A listener that asks nobody for a certificate does not begin to, nor one without TLS to speak it.
  const clientCertificates = asked && (server.clientCertificates ?? asked);
  const shown = { clientCertificates, tls: tlsInEffect(started.server, server) };
  const { auth: adminAuth, hosts } = admin;
  return {
    ...started,
    server: { ...started.server, ...shown, auth, access, trustedProxies },
    admin: { ...started.admin, auth: adminAuth, hosts, tls: tlsInEffect(started.admin, admin) },
    eviction,
    freshness,
    upstreams,
    log,
  };
}

/** Says what of `next` waits for the next start, if that was not so of `before`, which was read before it. */
export function warnOfRestart(before: Config, next: Config, log: Log): void {
  const present = inEffect(before, next);
  for (const key of ["server", "admin", "storage"] as const) {
    if (JSON.stringify(present[key]) !== JSON.stringify(next[key])) {
      log.warn({ key }, "changed in the configuration, takes effect with the next start");
    }
  }
}

function tlsInEffect(started: ListenerConfig, next: ListenerConfig): ListenerConfig["tls"] {
  return started.tls.length > 0 && next.tls.length > 0 ? next.tls : started.tls;
}
