import type { CredentialsConfig, UpstreamConfig } from "../config/config.ts";
import type { Log } from "../telemetry/log.ts";
import type { UpstreamLimits } from "../upstream/accounts/upstream-limits.ts";
import type { CredentialSource } from "../upstream/credentials/credentials.ts";
import { DockerConfigCredentials } from "../upstream/credentials/docker-config-credentials.ts";
import { FixedCredentials } from "../upstream/credentials/fixed-credentials.ts";
import { PasswordFileCredentials } from "../upstream/credentials/password-file-credentials.ts";
import { Endpoint } from "../upstream/endpoints/endpoint.ts";
import type { ReceiveBuffers } from "../upstream/exchange/receive-buffers.ts";
import { proxyChoice } from "./proxy-choice.ts";

/** What requests to upstreams take. */
export interface OutboundTools {
  /** Where `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` are read, and what credential helpers are run with. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly userAgent: string;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
  readonly log: Log;
  readonly receiveBuffers: ReceiveBuffers;
}

/** Who asks an upstream, and what is known of the limits of each. They end together. */
export interface Askers {
  readonly users: readonly User[];
  readonly limits: UpstreamLimits;
}

export interface User {
  /** For operators: the place of the credentials in the configuration, and no secret. */
  readonly account: string;
  readonly credentials: CredentialSource | null;
}

/** As whom everybody may ask. */
export const nobody: User = { account: "anonymous", credentials: null };

/** The endpoints of a configuration, asked by these users. */
export function endpointsOf(
  config: UpstreamConfig,
  { users, limits }: Askers,
  { env, userAgent, now, monotonicMs, receiveBuffers }: OutboundTools,
): readonly Endpoint[] {
  const { name: upstream, privateRedirects, caPem: ca, client, http2, timeouts } = config;
  const proxy = proxyChoice(config.proxy, env);
  const connections = { timeouts, ca, client, proxy, http2, receiveBuffers };
  const hasCredentials = config.credentials.length > 0 || config.access === "forward";
  const realms = hasCredentials ? config.realms : null;
  // Clients may give up at 10 s: by then they are told why, whichever endpoints were asked.
  const answerMs = timeouts.answerMs / config.endpoints.length;
  const common = { upstream, privateRedirects, realms, connections, answerMs };
  return config.endpoints.map((url) => {
    const accounts = users.map(({ account, credentials }) => {
      return { credentials, limits: limits.of(url.host, account) };
    });
    return new Endpoint({ url, ...common, accounts, userAgent, clocks: { now, monotonicMs } });
  });
}

/** Those of the configuration, in its order; nobody if it names none. */
export function usersOf(config: UpstreamConfig, tools: OutboundTools): readonly User[] {
  const users = config.credentials.map((credentials, at) => {
    if (credentials.kind === "anonymous") return nobody;
    const source = credentialSourceOf(config.name, credentials, tools);
    return { account: String(at + 1), credentials: source };
  });
  return users.length > 0 ? users : [nobody];
}

function credentialSourceOf(
  upstream: string,
  credentials: Exclude<CredentialsConfig, { kind: "anonymous" }>,
  { env, monotonicMs, log }: OutboundTools,
): CredentialSource {
  switch (credentials.kind) {
    case "password":
      return new FixedCredentials(credentials);
    case "password-file":
      return new PasswordFileCredentials(credentials.username, credentials.file);
    case "docker-config":
      return new DockerConfigCredentials({
        file: credentials.file,
        upstream,
        env,
        monotonicMs,
        log,
      });
  }
}
