import { z } from "zod";
import type { CertificateFiles } from "../config.ts";
import {
  type CertificatePair,
  type PairProblem,
  readCertificatePair,
} from "../files/certificate-pair.ts";
import type { TlsReading } from "./certificate-use.ts";
import { table } from "./keys.ts";
import { pathKey } from "./value-keys.ts";

export const certificateExample = { certificate: "tls.crt", key: "tls.key" };

/** A certificate to serve with, and its key. */
export function certificateTable(reading: TlsReading): z.ZodType<CertificateFiles> {
  const { directory } = reading;
  return table(
    { certificate: certificateKey(directory), key: keyKey(directory) },
    { description: "A certificate and its key.", example: certificateExample },
  ).transform(async ({ certificate, key }, context) => {
    const files = { certificateFile: certificate, keyFile: key };
    return (await isUsable(files, reading, context)) ? files : z.NEVER;
  });
}

const clientExample = { certificate: "client.crt", key: "client.key" };

/** The files of a certificate to show to others, and what is in them. */
export interface WrittenClient extends CertificateFiles {
  readonly read: CertificatePair | PairProblem;
}

/** A certificate to show to others, read with its key; with a problem only where it is not judged. */
export function clientCertificateKey({
  directory,
  certificates,
}: TlsReading): z.ZodType<WrittenClient> {
  return table(
    { certificate: certificateKey(directory), key: keyKey(directory) },
    {
      description:
        "The certificate and its key that are shown to endpoints which ask for one, and to nobody else. Read again when the files change.",
      example: clientExample,
    },
  ).transform(async ({ certificate, key }, context) => {
    const files = { certificateFile: certificate, keyFile: key };
    const read = await readCertificatePair(files);
    if (read.kind === "pair" || certificates !== "judged") return { ...files, read };
    context.addIssue({ code: "custom", path: [read.at], message: read.message });
    return z.NEVER;
  });
}

/** `certificate`, the file. */
export function certificateKey(directory: string): z.ZodType<string> {
  return pathKey(directory, {
    description:
      "PEM file with the certificate and then its chain. Relative to the directory of the configuration file.",
    example: "tls.crt",
  });
}

/** `key`, the file. */
export function keyKey(directory: string): z.ZodType<string> {
  return pathKey(directory, {
    description: "PEM file with the certificate's key, without a passphrase.",
    example: "tls.key",
  });
}

/** Whether the two can be served with, as far as that is judged; if not, the issue is told. */
export async function isUsable(
  files: CertificateFiles,
  { certificates }: TlsReading,
  context: z.core.$RefinementCtx,
): Promise<boolean> {
  return certificates !== "judged" || (await readable(files, context)) !== null;
}

/** What is in the two files, if it can be served with; else null, and the issue is told. */
async function readable(
  files: CertificateFiles,
  context: z.core.$RefinementCtx,
): Promise<CertificatePair | null> {
  const read = await readCertificatePair(files);
  if (read.kind === "pair") return read;
  context.addIssue({ code: "custom", path: [read.at], message: read.message });
  return null;
}
