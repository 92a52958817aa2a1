import type { z } from "zod";
import { adminTable } from "./admin-schema.ts";
import type { Config, StorageConfig } from "./config.ts";
import { defaultListen } from "./default-listen.ts";
import { evictionTable } from "./eviction-schema.ts";
import { freshnessTable } from "./freshness-schema.ts";
import { patternHint, table, text, wholeNumber } from "./keys.ts";
import { serverTlsKey } from "./tls-schema.ts";
import { durationPattern, parseDuration, type Size } from "./units.ts";
import { upstreamsTable } from "./upstream-schema.ts";
import { levelKey, listenKey, pathKey, sizeKey } from "./value-keys.ts";

/**
 * The one definition of the configuration: keys, defaults, checks, and the words of the JSON Schema. Paths
 * are relative to `directory`. Parse with `safeParseAsync`: certificates are read from disk.
 */
export function configSchema(directory: string): z.ZodType<Config> {
  return table(
    {
      server: serverTable(directory).prefault({}),
      admin: adminTable(directory).prefault({}),
      storage: storageTable(directory).prefault({}),
      eviction: evictionTable().prefault({}),
      freshness: freshnessTable().prefault({}),
      upstreams: upstreamsTable(directory),
      log: logTable().prefault({}),
    },
    {
      description: "The configuration of sluice, a pull-through caching mirror for registries.",
      example: { storage: { maxSize: "200GiB" }, freshness: { ttl: "5m" } },
    },
  );
}

function serverTable(directory: string): z.ZodType<Config["server"]> {
  const listen = listenKey({
    description: "Where the registry API listens: what clients pull from.",
    example: "0.0.0.0:8080",
  });
  return table(
    {
      listen: listen.prefault(defaultListen.server),
      tls: serverTlsKey(directory).optional(),
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
    },
    { description: "The registry API.", example: { listen: defaultListen.server } },
  ).transform(({ listen, tls, maxConnections = null, maxConnectionsPerAddress = null }) => ({
    listen,
    tls: tls?.certificates ?? [],
    http2: tls?.http2 ?? false,
    maxConnections,
    maxConnectionsPerAddress,
  }));
}

// More than a process may have open on any system.
const connections = { least: 1, most: 1_000_000 };

function storageTable(directory: string): z.ZodType<StorageConfig> {
  return table(
    {
      directory: directoryKey(directory).prefault("./data"),
      maxSize: maxSizeKey().prefault("50GiB"),
      minFree: sizeKey({
        description: "What must stay free on the disk, whoever fills it.",
        example: "5%",
      }).prefault("1GiB"),
      scrub: scrubKey().prefault("30d"),
    },
    {
      description: "What is kept: where, and how much of it.",
      example: { directory: "/var/lib/sluice", maxSize: "80%" },
    },
  ).transform(({ scrub, ...rest }) => ({ ...rest, scrubMs: scrub === "off" ? null : scrub }));
}

const dayMs = 86_400_000;

function scrubKey(): z.ZodType<number | "off"> {
  const wording = {
    kind: "a duration or off",
    description:
      "In this time all that is stored is read once, evenly, and what is damaged is fetched anew; off: never.",
    example: "14d",
    hints: patternHint(durationPattern, /^off$/),
  };
  return text(wording, (written) => (written === "off" ? written : parseDuration(written))).refine(
    (period) => period === "off" || (period >= dayMs && period <= 365 * dayMs),
    { error: "must be at least 1d and at most 365d; write for example 30d, or off" },
  );
}

function directoryKey(directory: string): z.ZodType<string> {
  return pathKey(directory, {
    description: "Where everything is kept. Relative to the directory of the configuration file.",
    example: "/var/lib/sluice",
  });
}

function maxSizeKey(): z.ZodType<Size> {
  return sizeKey({
    description: "The most that everything under directory may take.",
    example: "80%",
  }).refine((size) => size.kind === "share" || size.bytes > 0, {
    error: "leaves no room for anything; write for example 50GiB",
  });
}

function logTable(): z.ZodType<Config["log"]> {
  const level = levelKey({
    description: "The least important log line that is written; silent writes none.",
    example: "debug",
  });
  return table(
    { level: level.prefault("info") },
    { description: "What is logged.", example: { level: "debug" } },
  );
}
