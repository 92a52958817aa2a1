import { z } from "zod";
import { readCertificatePair } from "./certificate-pair.ts";
import type { CertificateFiles } from "./config.ts";
import { list, table } from "./keys.ts";
import { pathKey } from "./value-keys.ts";

const example = { certificate: "tls.crt", key: "tls.key" };

const severalExample = "[{certificate: tls.crt, key: tls.key}]";

// Each costs some 20 KiB, and a look at two files every ten seconds.
const mostCertificates = 100;

/** `tls` of a listener: a certificate, or a list of them; without it, none. Each is read, so that a bad one is found now. */
export function tlsKey(directory: string): z.ZodType<readonly CertificateFiles[]> {
  const one = certificateTable(directory);
  const several = list(one, {
    kind: "a list of certificates",
    description: "The client's name for the mirror (SNI) chooses; the first is for all others.",
    example: [example],
  })
    .min(1, { error: `names none; write for example ${severalExample}` })
    .max(mostCertificates, { error: `names more than ${mostCertificates}; leave some out` });
  return z.union([one.transform((files) => [files]), several]).meta({
    description:
      "Speak TLS, with this certificate; or with a list, from which the client's name for the mirror (SNI) chooses, the first for all others. Read again when the files change.",
    examples: [example],
  });
}

function certificateTable(directory: string): z.ZodType<CertificateFiles> {
  return table(
    {
      certificate: pathKey(directory, {
        description:
          "PEM file with the certificate and then its chain. Relative to the directory of the configuration file.",
        example: "tls.crt",
      }),
      key: pathKey(directory, {
        description: "PEM file with the certificate's key, without a passphrase.",
        example: "tls.key",
      }),
    },
    { description: "A certificate and its key.", example },
  ).transform(async ({ certificate, key }, context) => {
    const files = { certificateFile: certificate, keyFile: key };
    const read = await readCertificatePair(files);
    if (read.kind === "pair") return files;
    context.addIssue({ code: "custom", path: [read.at], message: read.message });
    return z.NEVER;
  });
}
