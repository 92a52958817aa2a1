import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { programPath } from "./real-program.ts";
import { mustRun } from "./run-program.ts";

/** A certificate and its key; paths of PEM files. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export interface CertificateOptions {
  /** In front of the files' names, for several in one directory. */
  readonly prefix?: string;
  /** As OpenSSL writes them; none: only its CN says whose it is. */
  readonly names?: readonly string[];
  /** As OpenSSL writes it. */
  readonly subject?: string;
  readonly days?: number;
  /** Instead of `days`: from when until when it is good, as `20200101000000Z`. */
  readonly validity?: readonly [string, string];
  /** Who signs it; without it, it signs itself. */
  readonly issuer?: Certificate;
  /** Of RSA, with so many bits; else on the curve P-256. */
  readonly rsaBits?: number;
}

/** Makes one, for 127.0.0.1 and ghcr.test unless `names` says otherwise. */
export async function makeCertificate(
  directory: string,
  options: CertificateOptions = {},
): Promise<Certificate> {
  const { prefix = "", days = 2, validity, issuer } = options;
  const keyFile = join(directory, `${prefix}key.pem`);
  const certificateFile = join(directory, `${prefix}certificate.pem`);
  const request = requestOf(options, keyFile);
  if (validity) {
    const requestFile = join(directory, `${prefix}request.pem`);
    await openssl("req", ...request, "-out", requestFile);
    await signWithin(directory, validity, [requestFile, certificateFile, keyFile]);
  } else {
    const signer = issuer ? ["-CA", issuer.certificateFile, "-CAkey", issuer.keyFile] : [];
    const files = ["-days", String(days), "-out", certificateFile];
    await openssl("req", "-x509", ...signer, ...request, ...files);
  }
  return { certificateFile, keyFile };
}

function requestOf(
  {
    names = ["IP:127.0.0.1", "DNS:ghcr.test"],
    subject = "/CN=127.0.0.1",
    rsaBits,
  }: CertificateOptions,
  keyFile: string,
): readonly string[] {
  const curve = ["ec", "-pkeyopt", "ec_paramgen_curve:P-256"];
  const kind = rsaBits === undefined ? curve : [`rsa:${rsaBits}`];
  const also = names.length > 0 ? ["-addext", `subjectAltName=${names.join(",")}`] : [];
  return ["-new", "-newkey", ...kind, "-nodes", "-subj", subject, ...also, "-keyout", keyFile];
}

/** `openssl req` of OpenSSL 3.0 cannot say when a certificate begins; `openssl ca` can. */
async function signWithin(
  directory: string,
  [from, until]: readonly [string, string],
  [requestFile, certificateFile, keyFile]: readonly [string, string, string],
): Promise<void> {
  const conf = join(directory, "ca.conf");
  const database = join(directory, "ca-database");
  await writeFile(database, "");
  await writeFile(
    conf,
    `[ca]
default_ca = own
[own]
database = ${database}
new_certs_dir = ${directory}
rand_serial = yes
unique_subject = no
policy = any
default_md = sha256
copy_extensions = copy
[any]
commonName = supplied
`,
  );
  const when = ["-startdate", from, "-enddate", until];
  const files = ["-in", requestFile, "-out", certificateFile, "-keyfile", keyFile];
  await openssl("ca", "-batch", "-selfsign", "-notext", "-config", conf, ...when, ...files);
}

async function openssl(...args: string[]): Promise<void> {
  await mustRun(programPath("openssl"), args);
}
