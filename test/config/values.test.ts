import assert from "node:assert/strict";
import { test } from "node:test";
import { logLevels } from "../../src/config/config.ts";
import { read, yaml } from "./reading.ts";

const hourMs = 3_600_000;
const freshness = {
  ttlMs: 60_000,
  staleWhileRevalidateMs: 0,
  staleIfErrorMs: 30 * 24 * hourMs,
  negativeTtlMs: 5000,
  grantTtlMs: 24 * hourMs,
  rules: [],
};
const ruleless = {
  ttlMs: null,
  staleWhileRevalidateMs: null,
  staleIfErrorMs: null,
  negativeTtlMs: null,
  keeps: true,
  denial: null,
};
const timeouts = { connectMs: 5000, headersMs: 10_000, answerMs: 6_000, bodyIdleMs: 30_000 };

test("an empty file means the defaults", async () => {
  const common = {
    aliases: [],
    hosts: [],
    default: false,
    caPem: null,
    caIsKept: false,
    client: null,
    proxy: { kind: "environment" },
    http2: false,
    parallelFill: 1,
    privateRedirects: false,
    maxConnections: null,
    offline: false,
    timeouts,
    credentials: [],
    realms: [],
    access: "shared",
  };
  const expected = {
    server: {
      listen: { host: "0.0.0.0", port: 5000 },
      tls: [],
      http2: false,
      clientCertificates: null,
      maxConnections: null,
      maxConnectionsPerAddress: null,
      auth: null,
      access: null,
      trustedProxies: [],
    },
    admin: {
      listen: { host: "127.0.0.1", port: 5001 },
      tls: [],
      auth: null,
      hosts: [],
      metricsListen: null,
    },
    storage: {
      directory: "/etc/lab/data",
      maxSize: { kind: "bytes", bytes: 50 * 2 ** 30 },
      minFree: { kind: "bytes", bytes: 2 ** 30 },
      scrubMs: 30 * 86_400_000,
    },
    eviction: {
      intervalMs: 30_000,
      highWatermark: 0.95,
      lowWatermark: 0.85,
      maxIdleMs: null,
      pins: [],
    },
    freshness,
    upstreams: [
      {
        ...common,
        name: "docker.io",
        endpoints: [new URL("https://registry-1.docker.io")],
        default: true,
        aliases: ["index.docker.io", "registry-1.docker.io"],
      },
      { ...common, name: "ghcr.io", endpoints: [new URL("https://ghcr.io")] },
      { ...common, name: "quay.io", endpoints: [new URL("https://quay.io")] },
    ],
    log: { level: "info" },
  };
  for (const text of ["", "# nothing\n", "---\n", "{}\n", "null\n", "server: {}\nstorage: {}\n"]) {
    assert.deepEqual(await read(text), expected, JSON.stringify(text));
  }
});

test("every key is read, ready to use", async () => {
  const config = await read(yaml`
    server: { listen: ":8080", maxConnections: 2000, maxConnectionsPerAddress: 100, access: [{ match: "*" }], trustedProxies: [10.0.0.0/8, "::1"] }
    admin: { listen: "[::1]:0", hosts: [admin.example.com], metricsListen: "0.0.0.0:5002" }
    storage: { directory: /srv/sluice, maxSize: 80%, minFree: 2GB, scrub: off }
    eviction: { interval: 1m, highWatermark: 90%, lowWatermark: 12.5 %, maxIdle: 30d, pins: ["docker.io/library/*", "*:v[0-9]*"] }
    freshness:
      ttl: 0s
      staleWhileRevalidate: 1h
      staleIfError: 0s
      negativeTtl: 1s
      grantTtl: 2h
      rules:
        - { match: "*:v[0-9]*", immutable: true, negativeTtl: 1m }
        - { match: "docker.io/library/*:latest", ttl: 10m, staleWhileRevalidate: 1h, staleIfError: 1d }
        - { match: "docker.io/nightly/*", store: false }
        - { match: "quay.io/evil/*", deny: use quay.io/good/* }
        - { match: "quay.io/*", store: true, immutable: false }
    upstreams:
      docker.io:
        endpoints: [https://hub-mirror.internal/path/, HTTP://10.1.2.3:5000]
        default: true
        aliases: [hub.example.com, registry-1.docker.io]
        hosts: [mirror, mirror.example.com:8443]
        proxy: http://me:pass@proxy.internal:3128
        http2: true
        parallelFill: 16
        privateRedirects: true
        offline: true
        timeouts: { connect: 1s, bodyIdle: 1d }
        maxConnections: 64
        realms: [auth.example.com, "other.example:8443"]
        access: public
      registry.internal:5000:
        endpoints: [https://registry.internal:5000]
        proxy: direct
    log: { level: silent }
  `);
  assert.deepEqual(config, {
    server: {
      listen: { host: "", port: 8080 },
      tls: [],
      http2: false,
      clientCertificates: null,
      maxConnections: 2000,
      maxConnectionsPerAddress: 100,
      auth: null,
      access: [{ match: "*", users: null, networks: null, denial: null }],
      trustedProxies: [
        { address: "10.0.0.0", prefixBits: 8, family: "ipv4" },
        { address: "::1", prefixBits: 128, family: "ipv6" },
      ],
    },
    admin: {
      listen: { host: "::1", port: 0 },
      tls: [],
      auth: null,
      hosts: ["admin.example.com"],
      metricsListen: { host: "0.0.0.0", port: 5002 },
    },
    storage: {
      directory: "/srv/sluice",
      maxSize: { kind: "share", share: 0.8 },
      minFree: { kind: "bytes", bytes: 2e9 },
      scrubMs: null,
    },
    eviction: {
      intervalMs: 60_000,
      highWatermark: 0.9,
      lowWatermark: 0.125,
      maxIdleMs: 30 * 24 * hourMs,
      pins: ["docker.io/library/*", "*:v[0-9]*"],
    },
    freshness: {
      ttlMs: 0,
      staleWhileRevalidateMs: hourMs,
      staleIfErrorMs: 0,
      negativeTtlMs: 1000,
      grantTtlMs: 2 * hourMs,
      rules: [
        {
          ...ruleless,
          match: "*:v[0-9]*",
          ttlMs: Number.POSITIVE_INFINITY,
          negativeTtlMs: 60_000,
        },
        {
          ...ruleless,
          match: "docker.io/library/*:latest",
          ttlMs: 600_000,
          staleWhileRevalidateMs: hourMs,
          staleIfErrorMs: 24 * hourMs,
        },
        { ...ruleless, match: "docker.io/nightly/*", keeps: false },
        { ...ruleless, match: "quay.io/evil/*", denial: "use quay.io/good/*" },
        { ...ruleless, match: "quay.io/*" },
      ],
    },
    upstreams: [
      {
        name: "docker.io",
        endpoints: [new URL("https://hub-mirror.internal/path/"), new URL("http://10.1.2.3:5000")],
        default: true,
        aliases: ["hub.example.com", "registry-1.docker.io", "index.docker.io"],
        hosts: ["mirror", "mirror.example.com:8443"],
        caPem: null,
        caIsKept: false,
        client: null,
        proxy: { kind: "url", url: new URL("http://me:pass@proxy.internal:3128") },
        http2: true,
        parallelFill: 16,
        privateRedirects: true,
        offline: true,
        timeouts: { connectMs: 1000, headersMs: 10_000, answerMs: 6_000, bodyIdleMs: 86_400_000 },
        maxConnections: 64,
        credentials: [],
        realms: ["auth.example.com", "other.example:8443"],
        access: "public",
      },
      {
        name: "registry.internal:5000",
        endpoints: [new URL("https://registry.internal:5000")],
        default: false,
        aliases: [],
        hosts: [],
        caPem: null,
        caIsKept: false,
        client: null,
        proxy: { kind: "direct" },
        http2: false,
        parallelFill: 1,
        privateRedirects: false,
        offline: false,
        maxConnections: null,
        timeouts,
        credentials: [],
        realms: [],
        access: "shared",
      },
    ],
    log: { level: "silent" },
  });
});

test("a file that has upstreams replaces the default ones", async () => {
  const { upstreams } = await read(
    "upstreams: { x.example: { endpoints: [https://x.example] } }\n",
  );
  assert.deepEqual(
    upstreams.map(({ name }) => name),
    ["x.example"],
  );
});

test("relative paths begin at the directory of the file", async () => {
  const directoryOf = async (written: string): Promise<string> =>
    (await read(`storage: { directory: ${written} }\n`)).storage.directory;
  assert.equal(await directoryOf("data"), "/etc/lab/data");
  assert.equal(await directoryOf("../x/"), "/etc/x");
  assert.equal(await directoryOf("."), "/etc/lab");
  assert.equal(await directoryOf("~backup"), "/etc/lab/~backup");
});

test("every log level is known", async () => {
  for (const level of logLevels) {
    assert.equal((await read(`log: { level: ${level} }\n`)).log.level, level);
  }
});

test("one value can be used twice by an alias", async () => {
  const { upstreams } = await read(yaml`
    upstreams:
      a.example: { endpoints: [https://a.example], timeouts: &slow { headers: 1m } }
      b.example: { endpoints: [https://b.example], timeouts: *slow }
  `);
  assert.deepEqual(
    upstreams.map(({ timeouts: { headersMs } }) => headersMs),
    [60_000, 60_000],
  );
});
