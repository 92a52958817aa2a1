import { z } from "zod";
import {
  type AccessMode,
  type OutboundProxy,
  type UpstreamConfig,
  type UpstreamTimeouts,
  writtenAccessModes,
} from "../config.ts";
import { type CaFile, readCaFile } from "../files/ca-file.ts";
import { builtInAliases, upstreamNamePattern, upstreamNameProblem } from "../host.ts";
import { formatDuration } from "../units.ts";
import { credentialsKey } from "./credentials-schema.ts";
import { flag, list, namedTable, patternHint, table, text, wholeNumber } from "./keys.ts";
import { clientCertificateKey, type TlsReading } from "./tls-schema.ts";
import {
  certificatesOf,
  type UpstreamCertificates,
  type WrittenCertificates,
} from "./upstream-certificates.ts";
import { durationKey, hostKey, pathKey, upstreamNameKey } from "./value-keys.ts";

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

function endpointsKey(): z.ZodType<readonly URL[]> {
  const example = "https://ghcr.io";
  const kind = "an http or https URL";
  const description =
    "A base URL, http or https. A path is kept in front of /v2/, and ?ns=HOST behind.";
  const item = text({ kind, description, example, hints: httpHint }, parseHttpUrl)
    .refine((url) => url.username === "" && url.password === "", {
      error: `credentials do not belong in a URL; write for example ${example}`,
    })
    .refine((url) => hasNoQueryButNs(url), {
      error: `a base URL has no fragment, and no query but ?ns=HOST; write for example ${example}`,
    })
    .refine((url) => !/\/v2\/?$/.test(url.pathname), {
      error: "ends in /v2, which every request begins with anyway; leave it out",
    })
    .refine(({ hostname }) => !dockerHubPages.includes(hostname), {
      error: "is a web page of Docker Hub and no registry; write https://registry-1.docker.io",
    });
  const wording = {
    kind: "a list of URLs",
    description: "Where the registry answers: base URLs, tried in order.",
    example: [example],
  };
  return list(item, wording).min(1, { error: `names no URL; write for example [${example}]` });
}

const dockerHubPages: readonly string[] = ["docker.io", "www.docker.com", "hub.docker.com"];

/** What containerd sends to mirrors, for an endpoint that is one. */
function hasNoQueryButNs({ href }: URL): boolean {
  const [, query, host] = /^[^?#]*(\?ns=([^&?#]*))?$/.exec(href) ?? [href, href, ""];
  return query === undefined || (host !== undefined && upstreamNameProblem(host) === null);
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

function proxyKey(): z.ZodType<OutboundProxy> {
  return text(
    {
      kind: "an http or https URL, or direct",
      description:
        "The outbound proxy, or direct for none. Without it, HTTP_PROXY, HTTPS_PROXY and NO_PROXY count.",
      example: "http://proxy.internal:3128",
      hints: { anyOf: [{ const: "direct" }, httpHint] },
      secret: true,
    },
    parseProxy,
  )
    .optional()
    .transform((proxy) => proxy ?? { kind: "environment" });
}

const httpHint = patternHint(/^[Hh][Tt][Tt][Pp][Ss]?:\/\//);

function parseProxy(written: string): OutboundProxy | null {
  if (written === "direct") return { kind: "direct" };
  const url = parseHttpUrl(written);
  return url && { kind: "url", url };
}

// Without the slashes `http:name` is a URL too, and hardly what was meant.
function parseHttpUrl(written: string): URL | null {
  return /^https?:\/\//i.test(written) ? URL.parse(written) : null;
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

function timeoutsTable(): z.ZodType<UpstreamTimeouts> {
  return table(
    {
      connect: timeoutKey("For a connection, TLS included.", "5s"),
      headers: timeoutKey("From a request to the response header.", "10s"),
      answer: timeoutKey(
        "From a question about a manifest or a list to the response header: connections, tokens, redirects and all endpoints.",
        "6s",
      ),
      bodyIdle: timeoutKey("Between two pieces of a response body.", "30s"),
    },
    { description: "How long to wait for the upstream.", example: { headers: "20s" } },
  ).transform(({ connect, headers, answer, bodyIdle }) => ({
    connectMs: connect,
    headersMs: headers,
    answerMs: answer,
    bodyIdleMs: bodyIdle,
  }));
}

// Every wait has an end, and a timer of Node overflows after 24 days.
const longestTimeoutMs = 86_400_000;

function timeoutKey(description: string, usual: string): z.ZodType<number> {
  return durationKey({ description, example: usual })
    .refine((durationMs) => durationMs > 0 && durationMs <= longestTimeoutMs, {
      error: `must be over 0s and at most ${formatDuration(longestTimeoutMs)}; write for example ${usual}`,
    })
    .prefault(usual);
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
