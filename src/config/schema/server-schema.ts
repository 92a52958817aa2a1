import type { z } from "zod";
import type { ServerConfig } from "../config.ts";
import { defaultListen } from "../default-listen.ts";
import { accessRulesKey } from "./access-schema.ts";
import { authKey } from "./auth-schema.ts";
import type { CertificateUse } from "./certificate-use.ts";
import { table, wholeNumber } from "./keys.ts";
import { serverTlsKey } from "./tls-schema.ts";
import { listenKey, networksKey } from "./value-keys.ts";

/** `server`: where and how the registry API is asked, and by whom. */
export function serverTable(
  directory: string,
  certificates: CertificateUse,
): z.ZodType<ServerConfig> {
  const listen = listenKey({
    description: "Where the registry API listens: what clients pull from.",
    example: "0.0.0.0:8080",
  });
  return table(
    {
      listen: listen.prefault(defaultListen.server),
      tls: serverTlsKey({ directory, certificates }).optional(),
      maxConnections: wholeNumber(
        {
          description:
            "How many connections clients may have at a time. Without it, a third of what the limit on open files leaves, at most 10000.",
          example: 2000,
        },
        connections,
      ).optional(),
      maxConnectionsPerAddress: wholeNumber(
        {
          description:
            "How many of them may come from one address (IPv6: from one /64). Without it, all: many machines may be behind one address.",
          example: 100,
        },
        connections,
      ).optional(),
      auth: authKey(
        directory,
        "Who can log in. Without it nobody need, and everyone may pull.",
      ).optional(),
      access: accessRulesKey().optional(),
      trustedProxies: networksKey(
        "Proxies whose X-Forwarded-For is believed. Without it nobody's is.",
      ).optional(),
    },
    { description: "The registry API.", example: { listen: defaultListen.server } },
  ).transform((written) => ({
    listen: written.listen,
    tls: written.tls?.certificates ?? [],
    http2: written.tls?.http2 ?? false,
    clientCertificates: written.tls?.clientCertificates ?? null,
    maxConnections: written.maxConnections ?? null,
    maxConnectionsPerAddress: written.maxConnectionsPerAddress ?? null,
    auth: written.auth ?? null,
    access: written.access ?? null,
    trustedProxies: written.trustedProxies ?? [],
  }));
}

// More than a process may have open on any system.
const connections = { least: 1, most: 1_000_000 };
