import type { ListenAddress } from "./listen-address.ts";
import type { Network } from "./network.ts";
import type { Size } from "./units.ts";

/** The whole configuration, checked and ready to use: paths absolute, files read, durations in ms. */
export interface Config {
  readonly server: ServerConfig;
  readonly admin: AdminConfig;
  readonly storage: StorageConfig;
  readonly eviction: EvictionConfig;
  readonly freshness: FreshnessConfig;
  /** In the order of the file, at least one, no two claiming the same name, alias or host. */
  readonly upstreams: readonly UpstreamConfig[];
  readonly log: { readonly level: LogLevel };
}

export interface ListenerConfig {
  readonly listen: ListenAddress;
  /** To speak TLS with; the first is for clients that name none of the others. Empty: plain HTTP. */
  readonly tls: readonly CertificateFiles[];
}

export interface ServerConfig extends ListenerConfig {
  /** Whether clients may choose HTTP/2, where TLS is spoken. */
  readonly http2: boolean;
  /** What clients show of themselves; null: they are not asked. */
  readonly clientCertificates: ClientCertificates | null;
  /** How many connections clients may have; null: as many as there are descriptors for. */
  readonly maxConnections: number | null;
  /** How many may come from one address; null: that many, too. */
  readonly maxConnectionsPerAddress: number | null;
  /** Who can log in; null: nobody, and everyone is let in. */
  readonly auth: LoginFiles | null;
  /** In their order: the first that fits decides. null: everyone who is let in may pull everything. */
  readonly access: readonly AccessRule[] | null;
  /** Whose word is taken for where a request comes from. */
  readonly trustedProxies: readonly Network[];
}

/** Who may pull, or not, what a pattern matches. */
export interface AccessRule {
  /** A pattern of repositories: `oci/image-glob.ts`, without a tag. */
  readonly match: string;
  /** Names of users, or of `groups` in `login-lines.ts`; null: everyone. */
  readonly users: readonly string[] | null;
  /** From where; null: from anywhere. */
  readonly networks: readonly Network[] | null;
  /** What is told to those who may not; null: they may. */
  readonly denial: string | null;
}

export interface AdminConfig extends ListenerConfig {
  /** Who can log in; null: nobody, and nobody need. */
  readonly auth: LoginFiles | null;
  /** Names by which it is reached, beside those of the machine: lower-case, without a port. */
  readonly hosts: readonly string[];
  /** Where metrics and health are told to anybody who comes; null: nowhere but at `listen`. */
  readonly metricsListen: ListenAddress | null;
}

/** Absolute paths of PEM files, read while running. */
export interface CertificateFiles {
  readonly certificateFile: string;
  readonly keyFile: string;
}

/** Absolute paths of files that say who can log in, read while running; at least one is not null. */
export interface LoginFiles {
  /** Lines of a name and a bcrypt hash. */
  readonly htpasswdFile: string | null;
  /** Lines of a name and the hash of a token. */
  readonly tokensFile: string | null;
}

export interface ClientCertificates {
  /** Absolute path of a PEM file, read while running: the authorities that are believed. */
  readonly caFile: string;
  /** Whether who shows none is refused. */
  readonly required: boolean;
}

/** A certificate as it was in its files. */
export interface ClientCertificate extends CertificateFiles {
  readonly certificatePem: string;
  /** Never to be logged or shown. */
  readonly keyPem: string;
}

export interface StorageConfig {
  /** Absolute. */
  readonly directory: string;
  /** The most that everything under `directory` may take; more than nothing. */
  readonly maxSize: Size;
  /** What must stay free on the file system of `directory`. */
  readonly minFree: Size;
  /** In which time all that is stored is read once and compared with its digest; null: never. */
  readonly scrubMs: number | null;
}

export interface EvictionConfig {
  /** How often is looked whether something must go. */
  readonly intervalMs: number;
  /** Shares of `storage.maxSize`, over 0 and at most 1: above the one evicting begins, at the other, lower one it ends. */
  readonly highWatermark: number;
  readonly lowWatermark: number;
  /** Images that nobody pulled for so long go whatever the size; null: they stay. */
  readonly maxIdleMs: number | null;
  /** Patterns of images (`oci/image-glob.ts`) that are never evicted. */
  readonly pins: readonly string[];
}

export interface FreshnessConfig {
  /** How long a tag is believed before upstream is asked again; 0 asks every time. */
  readonly ttlMs: number;
  /** For so long beyond `ttlMs` a tag is answered as it was, and upstream is asked behind the answer. */
  readonly staleWhileRevalidateMs: number;
  /** How long after its last check a tag stands in for an upstream that gives no answer. */
  readonly staleIfErrorMs: number;
  /** How long upstream's "not found" is believed. */
  readonly negativeTtlMs: number;
  /** How long upstream's word is believed that a repository may be pulled from, or holds a digest. */
  readonly grantTtlMs: number;
  /** In their order: the first that matches decides. */
  readonly rules: readonly FreshnessRule[];
}

/** What is different about the images that a pattern matches. Durations: null is as without the rule. */
export interface FreshnessRule {
  /** A pattern of images: `oci/image-glob.ts`. Without a tag where nothing is kept. */
  readonly match: string;
  /** Infinity for tags that are immutable. */
  readonly ttlMs: number | null;
  readonly staleWhileRevalidateMs: number | null;
  readonly staleIfErrorMs: number | null;
  readonly negativeTtlMs: number | null;
  /** Whether what upstream sends is stored. */
  readonly keeps: boolean;
  /** What is told to those who ask for what matches, and do not get it; null: they do. */
  readonly denial: string | null;
}

export interface UpstreamConfig {
  /** Its key in the file: a lower-case `host` or `host:port`. */
  readonly name: string;
  /** Base URLs in the order to try them: http or https, without credentials, query and fragment. */
  readonly endpoints: readonly URL[];
  /** Whether requests that name no upstream mean this one; true for one upstream at most. */
  readonly default: boolean;
  /** Whether it is never asked: what is stored is served, and nothing else. */
  readonly offline: boolean;
  /** Further names in `ns` and prefixes, those that are built in for docker.io included. */
  readonly aliases: readonly string[];
  /** Values of the `Host` header that mean this upstream. */
  readonly hosts: readonly string[];
  /** PEM text of the only certificate authorities to believe; null: those that Node brings. */
  readonly caPem: string | null;
  /** Whether their file cannot be used now, so that they are those of before. */
  readonly caIsKept: boolean;
  /** What we show of ourselves to endpoints that ask for a certificate; null: nothing. */
  readonly client: ClientCertificate | null;
  readonly proxy: OutboundProxy;
  /** Whether HTTP/2 may be spoken to the endpoints. */
  readonly http2: boolean;
  /** Over how many connections a large blob is asked for; 1 to 16. */
  readonly parallelFill: number;
  /** Whether redirects may lead to private addresses although no endpoint has one. */
  readonly privateRedirects: boolean;
  readonly timeouts: UpstreamTimeouts;
  /** How many connections it may take at a time; null: as many as there are descriptors for. */
  readonly maxConnections: number | null;
  /** Who asks the upstream: the first of them until it is limited, then the next. None: nobody in particular. */
  readonly credentials: readonly CredentialsConfig[];
  /** Hosts (`host` or `host:port`) of token servers that may see the credentials beside the endpoints' own. */
  readonly realms: readonly string[];
  readonly access: AccessMode;
}

/** A user and a password, or where they are read each time they are needed. Paths are absolute. */
export type CredentialsConfig =
  | { readonly kind: "password-file"; readonly username: string; readonly file: string }
  /** Never to be logged or shown. */
  | { readonly kind: "password"; readonly username: string; readonly password: string }
  | { readonly kind: "docker-config"; readonly file: string }
  /** Nobody; never the first. */
  | { readonly kind: "anonymous" };

export const writtenAccessModes = ["public", "shared", "forward"] as const;

/**
 * Whose right to a repository counts. `public`: anybody's, so that only what upstream gives to anonymous requests is
 * served; `shared`: ours, so that everyone who may pull here may pull what our credentials can; `users`, which holds
 * where nothing is written: ours for who has logged in, anybody's for others; `forward`: that of whoever asks here, by their
 * own login for the upstream.
 */
export type AccessMode = (typeof writtenAccessModes)[number] | "users";

/** `environment`: what `HTTP_PROXY`, `HTTPS_PROXY` and `NO_PROXY` say; `direct`: none, whatever they say. */
export type OutboundProxy =
  | { readonly kind: "environment" }
  | { readonly kind: "direct" }
  /** May hold credentials: never to be logged. */
  | { readonly kind: "url"; readonly url: URL };

/** Each more than 0 and at most a day. */
export interface UpstreamTimeouts {
  readonly connectMs: number;
  /** From the request to the response header. */
  readonly headersMs: number;
  /** From a question about anything but a blob to its response header, with all that is asked for it, all endpoints included. */
  readonly answerMs: number;
  /** Between two chunks of a response body. */
  readonly bodyIdleMs: number;
}

export const logLevels = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;

export type LogLevel = (typeof logLevels)[number];
