import type { UpstreamConfig } from "../config.ts";

/**
 * What is done about files with certificates: "judged", so that a bad one is found with the file that names it; or what is
 * used by a mirror that runs, which keeps that where there is something wrong with the files. Its listeners judge theirs by
 * themselves.
 */
export type CertificateUse = "judged" | UsedCertificates;

/** What upstreams are asked with now. */
export interface UsedCertificates {
  readonly upstreams: readonly Pick<UpstreamConfig, "name" | "caPem" | "client">[];
}

/** How `tls` is read. */
export interface TlsReading {
  /** What relative paths are relative to. */
  readonly directory: string;
  readonly certificates: CertificateUse;
}
