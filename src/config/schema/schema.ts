import type { z } from "zod";
import type { Config, StorageConfig } from "../config.ts";
import { durationPattern, parseDuration, type Size } from "../units.ts";
import { adminTable } from "./admin-schema.ts";
import type { CertificateUse } from "./certificate-use.ts";
import { evictionTable } from "./eviction-schema.ts";
import { freshnessTable } from "./freshness-schema.ts";
import { patternHint, table, text } from "./keys.ts";
import { serverTable } from "./server-schema.ts";
import { upstreamsTable } from "./upstream-schema.ts";
import { levelKey, pathKey, sizeKey } from "./value-keys.ts";

/**
 * The one definition of the configuration: keys, defaults, checks, and the words of the JSON Schema. Paths
 * are relative to `directory`. Parse with `safeParseAsync`: certificates are read from disk.
 */
export function configSchema(
  directory: string,
  certificates: CertificateUse = "judged",
): z.ZodType<Config> {
  return table(
    {
      server: serverTable(directory, certificates).prefault({}),
      admin: adminTable(directory, certificates).prefault({}),
      storage: storageTable(directory).prefault({}),
      eviction: evictionTable().prefault({}),
      freshness: freshnessTable().prefault({}),
      upstreams: upstreamsTable({ directory, certificates }),
      log: logTable().prefault({}),
    },
    {
      description: "The configuration of sluice, a pull-through caching mirror for registries.",
      example: { storage: { maxSize: "200GiB" }, freshness: { ttl: "5m" } },
    },
  ).transform(({ upstreams, ...rest }) => ({
    ...rest,
    upstreams: upstreams.map(({ access, ...upstream }) => {
      // What our credentials open is for those who are known, and where nobody logs in that is nobody.
      const careful = canLogIn(rest.server) ? "users" : "public";
      const byDefault = upstream.credentials.length === 0 ? "shared" : careful;
      return { ...upstream, access: access ?? byDefault };
    }),
  }));
}

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

function canLogIn({ auth, clientCertificates }: Config["server"]): boolean {
  return auth !== null || clientCertificates !== null;
}
