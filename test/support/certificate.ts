import { join } from "node:path";
import { programPath } from "./real-program.ts";
import { mustRun } from "./run-program.ts";

/** A certificate that signs itself, and its key; paths of PEM files. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface CertificateOptions {
  /** In front of the files' names, for several in one directory. */
  readonly prefix?: string;
  /** As OpenSSL writes them. */
  readonly names?: readonly string[];
  readonly days?: number;
}

/** Makes one, for 127.0.0.1 and ghcr.test unless `names` says otherwise. */
export async function makeCertificate(
  directory: string,
  { prefix = "", names = ["IP:127.0.0.1", "DNS:ghcr.test"], days = 2 }: CertificateOptions = {},
): Promise<Certificate> {
  const keyFile = join(directory, `${prefix}key.pem`);
  const certificateFile = join(directory, `${prefix}certificate.pem`);
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const name = ["-subj", "/CN=127.0.0.1", "-addext", `subjectAltName=${names.join(",")}`];
  const files = ["-days", String(days), "-keyout", keyFile, "-out", certificateFile];
  await mustRun(programPath("openssl"), ["req", ...kind, ...name, ...files]);
  return { certificateFile, keyFile };
}
