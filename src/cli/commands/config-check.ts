import type {
  AdminConfig,
  Config,
  CredentialsConfig,
  EvictionConfig,
  FreshnessRule,
  OutboundProxy,
  ServerConfig,
  StorageConfig,
  UpstreamConfig,
} from "../../config/config.ts";
import { readDockerConfig } from "../../config/files/docker-config.ts";
import { notesOnPatterns } from "../../config/idle-patterns.ts";
import { formatListenAddress } from "../../config/listen-address.ts";
import { formatDuration, formatSize } from "../../config/units.ts";
import { namesUpstream } from "../../upstream/credentials/docker-config-credentials.ts";
import { configurationOf } from "../configuration.ts";

/** `sluice config check`. Rejects with ConfigError if the configuration cannot be used. */
export async function configCheck(options: { readonly config?: string }): Promise<void> {
  const { config, source } = await configurationOf(options);
  process.stdout.write(`${[...(await summary(config, source)), "ok"].join("\n")}\n`);
}

async function summary(config: Config, source: string): Promise<string[]> {
  const { storage } = config;
  return [
    `configuration  ${source}`,
    `registry API   ${listenerLine(config.server)}`,
    `admin API      ${listenerLine(config.admin)}`,
    ...metricsLines(config.admin),
    `storage        ${storageLine(storage)}`,
    `eviction       ${evictionLine(config.eviction)}`,
    `freshness      a tag is believed for ${formatDuration(config.freshness.ttlMs)}`,
    `log            ${config.log.level}`,
    ...ruleLines(config.freshness.rules),
    "upstreams",
    ...upstreamLines(config.upstreams),
    ...(await notesOn(config.upstreams)),
    ...notesOnPatterns(config),
  ];
}

function listenerLine({ listen, tls, auth }: ServerConfig | AdminConfig): string {
  const certificates = tls.map(({ certificateFile }) => certificateFile).join(", ");
  const logins = [auth?.htpasswdFile, auth?.tokensFile].filter((file) => file != null).join(", ");
  return [
    formatListenAddress(listen),
    certificates === "" ? [] : `TLS with ${certificates}`,
    logins === "" ? [] : `users log in by ${logins}`,
  ]
    .flat()
    .join(", ");
}

function metricsLines({ metricsListen }: AdminConfig): string[] {
  return metricsListen === null ? [] : [`metrics        ${formatListenAddress(metricsListen)}`];
}

function storageLine({ directory, maxSize, minFree, scrubMs }: StorageConfig): string {
  const scrubbed = scrubMs === null ? "never scrubbed" : `scrubbed in ${formatDuration(scrubMs)}`;
  return `${directory}: at most ${formatSize(maxSize)}, ${formatSize(minFree)} stay free, ${scrubbed}`;
}

function evictionLine({ highWatermark, lowWatermark, maxIdleMs, pins }: EvictionConfig): string {
  const idle = maxIdleMs === null ? [] : [`what is idle for ${formatDuration(maxIdleMs)} goes`];
  const pinned = pins.length === 0 ? [] : [`${pins.join(", ")} stay`];
  const marks = `above ${percent(highWatermark)} of that, down to ${percent(lowWatermark)}`;
  return [marks, ...idle, ...pinned].join("; ");
}

function percent(share: number): string {
  return `${Number((share * 100).toFixed(1))}%`;
}

function ruleLines(rules: readonly FreshnessRule[]): string[] {
  if (rules.length === 0) return [];
  const width = Math.max(...rules.map(({ match }) => match.length));
  const lines = rules.map(
    (rule, at) => `  [${at}]  ${rule.match.padEnd(width)}  ${effectOf(rule)}`,
  );
  return ["rules          the first that matches decides", ...lines];
}

function effectOf({ denial, keeps, ...rule }: FreshnessRule): string {
  if (denial !== null) return `denied: ${denial}`;
  if (!keeps) return "passes through, nothing is kept";
  const immutable = rule.ttlMs === Number.POSITIVE_INFINITY;
  const times = [
    immutable ? "immutable" : during("believed for", rule.ttlMs),
    during("then answered and asked behind for", rule.staleWhileRevalidateMs),
    during("stands in for", rule.staleIfErrorMs),
    during('"not found" is believed for', rule.negativeTtlMs),
  ];
  return times.filter((time) => time !== null).join("; ") || "as without rules";
}

function during(what: string, durationMs: number | null): string | null {
  return durationMs === null ? null : `${what} ${formatDuration(durationMs)}`;
}

function upstreamLines(upstreams: readonly UpstreamConfig[]): string[] {
  const width = Math.max(...upstreams.map(({ name }) => name.length));
  return upstreams.map((upstream) => {
    const endpoints = upstream.endpoints.map(({ href }) => href.replace(/\/$/, "")).join(", ");
    const traits = traitsOf(upstream).map((trait) => `; ${trait}`);
    return `  ${upstream.name.padEnd(width)}  ${endpoints}${traits.join("")}`;
  });
}

/** What is no mistake, and yet not what anybody means. */
async function notesOn(upstreams: readonly UpstreamConfig[]): Promise<string[]> {
  const notes = upstreams.flatMap(({ name, credentials }) =>
    credentials.map((one) => anonymousNote(name, one)),
  );
  return (await Promise.all(notes)).filter((note) => note !== null);
}

async function anonymousNote(name: string, credentials: CredentialsConfig): Promise<string | null> {
  if (credentials.kind !== "docker-config") return null;
  const { file } = credentials;
  const read = await readDockerConfig(file);
  if (read.kind !== "config" || namesUpstream(read.config, name)) return null;
  return `note: ${file} has no entry for ${name}, so its pulls are anonymous; "docker login" writes one`;
}

function traitsOf(upstream: UpstreamConfig): string[] {
  return [
    upstream.offline && "offline",
    upstream.default && "the default",
    upstream.aliases.length > 0 && `also ${upstream.aliases.join(", ")}`,
    upstream.hosts.length > 0 && `for the hosts ${upstream.hosts.join(", ")}`,
    upstream.caPem !== null && "its own certificate authorities",
    upstream.client !== null && "a client certificate",
    proxyTrait(upstream.proxy),
    upstream.http2 && "HTTP/2",
    upstream.privateRedirects && "redirects to private addresses",
    credentialsTrait(upstream),
    upstream.realms.length > 0 && `token servers ${upstream.realms.join(", ")}`,
  ].filter((trait) => typeof trait === "string");
}

function proxyTrait(proxy: OutboundProxy): string | false {
  if (proxy.kind === "environment") return false;
  // Its host only: the rest may hold credentials.
  return proxy.kind === "direct" ? "no proxy" : `through the proxy ${proxy.url.host}`;
}

function credentialsTrait({ credentials, access }: UpstreamConfig): string | false {
  if (credentials.length === 0) return false;
  return `credentials ${credentials.map(shownCredentials).join(", then ")}, ${access} access`;
}

function shownCredentials(credentials: CredentialsConfig): string {
  switch (credentials.kind) {
    case "password-file":
      return `of ${credentials.username}, password in ${credentials.file}`;
    case "password":
      return `of ${credentials.username}`;
    case "docker-config":
      return `by ${credentials.file}`;
    case "anonymous":
      return "of nobody";
  }
}
