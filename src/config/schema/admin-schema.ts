import type { z } from "zod";
import type { AdminConfig } from "../config.ts";
import { defaultListen } from "../default-listen.ts";
import { authKey } from "./auth-schema.ts";
import type { CertificateUse } from "./certificate-use.ts";
import { list, table } from "./keys.ts";
import { tlsKey } from "./tls-schema.ts";
import { hostKey, listenKey } from "./value-keys.ts";

/** `admin`: where and how the admin API is asked. */
export function adminTable(
  directory: string,
  certificates: CertificateUse,
): z.ZodType<AdminConfig> {
  const listen = listenKey({
    description:
      "Where the admin API listens: dashboard, metrics, health. For others than this machine with auth only.",
    example: "127.0.0.1:9001",
  });
  const metricsListen = listenKey({
    description:
      "Where /metrics, /healthz and /readyz are, and nothing else, for whoever reaches it: a Prometheus on another host.",
    example: "0.0.0.0:5002",
  });
  return table(
    {
      listen: listen.prefault(defaultListen.admin),
      tls: tlsKey({ directory, certificates }).optional(),
      auth: authKey(
        directory,
        "Who can log in. Needed where others than this machine reach listen; without it nobody need log in.",
      ).optional(),
      hosts: ownNamesKey().prefault([]),
      metricsListen: metricsListen.optional(),
    },
    { description: "The admin API.", example: { listen: defaultListen.admin } },
  ).transform(({ tls = [], auth = null, metricsListen = null, ...rest }) => ({
    ...rest,
    tls,
    auth,
    metricsListen,
  }));
}

function ownNamesKey(): z.ZodType<readonly string[]> {
  const example = "admin.example.com";
  const item = hostKey({ description: "A DNS name, lower-case.", example });
  const withoutPort = item.refine((name) => !/:\d+$/.test(name), {
    error: `has a port, and the name counts at any; write for example ${example}`,
  });
  return list(withoutPort, {
    kind: "a list of names",
    description:
      "Names by which the admin API is reached, such as that of a proxy before it. Addresses, localhost, the machine's own name and those of the certificates count anyway; others are refused.",
    example: [example],
  });
}
