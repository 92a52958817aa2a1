import type { Finding } from "../yaml/finding.ts";
import { tableAt, textsAt } from "../yaml/plain-values.ts";

/** What cannot be together with upstreams that callers are asked for by their own logins. */
export function forwardedLogins(root: unknown): Finding[] {
  const upstreams = tableAt(root, "upstreams");
  const server = tableAt(root, "server");
  const forwarding = Object.keys(upstreams).filter(
    (name) => tableAt(upstreams, name)["access"] === "forward",
  );
  return forwarding.flatMap((name) => {
    const path = ["upstreams", name, "access"];
    return faultsOf(tableAt(upstreams, name), server).map((message): Finding => {
      return { path, at: "value", message };
    });
  });
}

function faultsOf(
  upstream: Readonly<Record<string, unknown>>,
  server: Readonly<Record<string, unknown>>,
): string[] {
  return [
    ...("tls" in server || textsAt(server, "trustedProxies").length > 0
      ? []
      : [
          "forward has clients send their passwords, and that needs TLS: set server.tls, or name a proxy that speaks it in server.trustedProxies",
        ]),
    ...("auth" in server
      ? [
          "forward takes the one login that a client can send, and server.auth another; leave one out",
        ]
      : []),
    ...("credentials" in upstream
      ? [
          "forward asks by the logins of clients, and credentials are asked by nobody; leave one out",
        ]
      : []),
  ];
}
