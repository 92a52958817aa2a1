import { join } from "node:path";
import { programPath } from "./real-program.ts";
import { mustRun } from "./run-program.ts";

/** A certificate for 127.0.0.1 and ghcr.test that signs itself, and its key; paths of PEM files. */
export interface Certificate {
  readonly certificateFile: string;
  readonly keyFile: string;
}

export async function makeCertificate(directory: string): Promise<Certificate> {
  const [keyFile, certificateFile] = [
    join(directory, "key.pem"),
    join(directory, "certificate.pem"),
  ];
  const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const name = [
    "-subj",
    "/CN=127.0.0.1",
    "-addext",
    "subjectAltName=IP:127.0.0.1,DNS:ghcr.test",
    "-days",
    "2",
  ];
  const files = ["-keyout", keyFile, "-out", certificateFile];
  await mustRun(programPath("openssl"), ["req", ...kind, ...name, ...files]);
  return { certificateFile, keyFile };
}
