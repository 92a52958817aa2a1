import { z } from "zod";
import { type AccessMode, type UpstreamConfig, writtenAccessModes } from "../config.ts";
import { type CaFile, readCaFile } from "../files/ca-file.ts";
import { builtInAliases, upstreamNamePattern } from "../host.ts";
import { clientCertificateKey } from "./certificate-tables.ts";
import type { TlsReading } from "./certificate-use.ts";
import { credentialsKey } from "./credentials-schema.ts";
import { flag, list, namedTable, patternHint, table, text, wholeNumber } from "./keys.ts";
import { timeoutsTable } from "./timeouts-schema.ts";
import {
  certificatesOf,
  type UpstreamCertificates,
  type WrittenCertificates,
} from "./upstream-certificates.ts";
import { endpointsKey, proxyKey } from "./upstream-urls.ts";
import { hostKey, pathKey, upstreamNameKey } from "./value-keys.ts";

const defaultUpstreams = {
  "docker.io": { endpoints: ["https://registry-1.docker.io"], default: true },
  "ghcr.io": { endpoints: ["https://ghcr.io"] },
  "quay.io": { endpoints: ["https://quay.io"] },
};

/** `access` depends on more than the upstream where it is not written. */
export type WrittenUpstream = Omit<UpstreamConfig, "access"> & {
  readonly access: AccessMode | null;
};

/** `upstreams`, as a list in which each has its name. What concerns several is in `cross-checks.ts`. */
export function upstreamsTable(reading: TlsReading): z.ZodType<readonly WrittenUpstream[]> {
  return namedTable(upstreamTable(reading), {
    description:
      "The registries to mirror, by host. A file that has this key replaces the defaults.",
    example: { "ghcr.io": { endpoints: ["https://ghcr.io"] } },
    hints: { minProperties: 1, propertyNames: { pattern: upstreamNamePattern.source } },
  })
    .refine((upstreams) => Object.keys(upstreams).length > 0, {
      error: "names no upstream, so nothing could be pulled; write one, or remove the key",
    })
    .transform((upstreams, context) =>
      Object.entries(upstreams).map(([name, { caFile, client, ...upstream }]) => ({
        name,
        ...upstream,
        ...certificatesOf({ name, caFile, client }, reading.certificates, context),
        aliases: [...new Set([...upstream.aliases, ...builtInAliases(name)])],
      })),
    )
    .prefault(defaultUpstreams);
}

type UpstreamTable = Omit<WrittenUpstream, "name" | keyof UpstreamCertificates> &
  Omit<WrittenCertificates, "name">;

function upstreamTable(reading: TlsReading): z.ZodType<UpstreamTable> {
  const { directory } = reading;
  return table(
    {
      endpoints: endpointsKey(),
      default: flag(
        "Whether a pull that names no upstream means this one. One at most is it.",
      ).prefault(false),
      offline: flag(
        "Whether it is not to be asked: what is stored is served, tags however old, and nothing else.",
      ).prefault(false),
      aliases: aliasesKey().prefault([]),
      hosts: hostsKey().prefault([]),
      caFile: caFileKey(reading),
      client: clientCertificateKey(reading).optional(),
      proxy: proxyKey(),
      http2: flag("Whether to speak HTTP/2 to endpoints that can.").prefault(false),
      parallelFill: parallelFillKey().prefault(1),
      privateRedirects: flag(
        "Whether redirects may lead to private addresses although no endpoint has one.",
      ).prefault(false),
      timeouts: timeoutsTable().prefault({}),
      maxConnections: wholeNumber(
        {
          description:
            "How many connections to it may be in use at a time, those to where it redirects and to token servers included. Without it, half of what clients may have by the limit on open files, at most 512.",
          example: 100,
        },
        { least: 1, most: 1_000_000 },
      ).optional(),
      credentials: credentialsKey(directory).optional(),
      realms: realmsKey().prefault([]),
      access: accessKey().optional(),
    },
    {
      description: "A registry to mirror. Its key is the host that its images are named by.",
      example: { endpoints: ["https://ghcr.io"] },
    },
  ).transform((written) => {
    const { client = null, credentials = [], access = null, ...upstream } = written;
    const { maxConnections = null } = written;
    return { ...upstream, maxConnections, client, credentials, access };
  });
}

function aliasesKey(): z.ZodType<readonly string[]> {
  const example = "registry.example.com";
  const item = upstreamNameKey({ description: "A host[:port], lower-case.", example });
  return list(item, {
    kind: "a list of hosts",
    description: "Further names of the upstream, in ?ns= and in front of repositories.",
    example: [example],
  });
}

function hostsKey(): z.ZodType<readonly string[]> {
  const example = "mirror.example.com";
  const item = hostKey({ description: "A host[:port], lower-case, as clients send it.", example });
  return list(item, {
    kind: "a list of hosts",
    description:
      "Host headers that mean this upstream: names under which clients reach the mirror.",
    example: [example],
  });
}

/** With a problem only where it is not judged. */
function caFileKey({ directory, certificates }: TlsReading): z.ZodType<CaFile | null> {
  return pathKey(directory, {
    description:
      "PEM certificates of the only authorities to believe. Relative to the directory of the configuration file.",
    example: "./internal-ca.pem",
  })
    .transform(async (path, context) => {
      const file = await readCaFile(path);
      if (file.kind === "certificates" || certificates !== "judged") return file;
      context.addIssue(file.message);
      return z.NEVER;
    })
    .optional()
    .transform((file) => file ?? null);
}

function parallelFillKey(): z.ZodType<number, number> {
  const wording = {
    description:
      "Over how many connections a blob of 8 MiB or more is asked for, in parts, where each of them is slow.",
    example: 4,
  };
  // At 16 a segment is a megabyte, and its answer hardly worth a request.
  return wholeNumber(wording, { least: 1, most: 16 });
}

function realmsKey(): z.ZodType<readonly string[]> {
  const example = "auth.example.com";
  const item = hostKey({ description: "A host[:port], lower-case, as in a URL.", example });
  return list(item, {
    kind: "a list of hosts",
    description:
      "Hosts of token servers that may see the credentials, beside the endpoints' own and those known for them.",
    example: [example],
  });
}

function accessKey(): z.ZodType<AccessMode> {
  return text(
    {
      kind: "public, shared or forward",
      description:
        "Whose right to a repository counts: public, anybody's; shared, that of our credentials; forward, the caller's own, by their login for the registry, over TLS. Default with credentials: public; with server.auth, shared for who has logged in and public for others.",
      example: "shared",
      hints: { anyOf: [{ enum: writtenAccessModes }, patternHint()] },
    },
    (written) => writtenAccessModes.find((mode) => mode === written) ?? null,
  );
}
