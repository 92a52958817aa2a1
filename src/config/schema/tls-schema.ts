import { z } from "zod";
import type { CertificateFiles, ClientCertificates } from "../config.ts";
import { readCaFile } from "../files/ca-file.ts";
import {
  certificateKey,
  certificateTable,
  certificateExample as example,
  isUsable,
  keyKey,
} from "./certificate-tables.ts";
import type { TlsReading } from "./certificate-use.ts";
import { flag, list, patternHint, table, text } from "./keys.ts";
import { pathKey } from "./value-keys.ts";

/** What `server.tls` says. */
export interface ServerTls {
  readonly certificates: readonly CertificateFiles[];
  readonly http2: boolean;
  readonly clientCertificates: ClientCertificates | null;
}

const severalExample = "[{certificate: tls.crt, key: tls.key}]";

// Each costs some 20 KiB, and a look at two files every ten seconds.
const mostCertificates = 100;

const description =
  "Speak TLS, with this certificate; or with a list, from which the client's name for the mirror (SNI) chooses, the first for all others. Read again when the files change.";

/** `tls` of a listener: a certificate, or a list of them; without it, none. Each is read, so that a bad one is found now. */
export function tlsKey(reading: TlsReading): z.ZodType<readonly CertificateFiles[]> {
  const one = certificateTable(reading).transform((files) => [files]);
  return z.union([one, certificatesKey(reading)]).meta({ description, examples: [example] });
}

/** The same, with what else can be said of the registry API's listener. */
export function serverTlsKey(reading: TlsReading): z.ZodType<ServerTls> {
  const several = certificatesKey(reading).transform((certificates) => {
    return { certificates, http2: false, clientCertificates: null };
  });
  return z.union([serverTlsTable(reading), several]).meta({ description, examples: [example] });
}

function serverTlsTable(reading: TlsReading): z.ZodType<ServerTls> {
  const { directory } = reading;
  return table(
    {
      certificate: certificateKey(directory).optional(),
      key: keyKey(directory).optional(),
      certificates: certificatesKey(reading).optional(),
      http2: flag("Whether clients may choose HTTP/2.").prefault(false),
      clientCa: clientCaKey(reading).optional(),
      clientCertificates: clientCertificatesKey().optional(),
    },
    {
      description: "A certificate and its key, or certificates, and what is spoken with them.",
      example: { ...example, http2: true },
      hints: { anyOf: [{ required: ["certificate", "key"] }, { required: ["certificates"] }] },
    },
  ).transform(async ({ clientCa, clientCertificates, ...tls }, context) => {
    const certificates = await certificatesOf(tls, reading, context);
    if (certificates === null) return z.NEVER;
    const { http2 } = tls;
    if (clientCa !== undefined) {
      const required = clientCertificates !== "optional";
      return { certificates, http2, clientCertificates: { caFile: clientCa, required } };
    }
    if (clientCertificates === undefined) return { certificates, http2, clientCertificates: null };
    const message = "says nothing without clientCa; write for example clientCa: clients.pem";
    context.addIssue({ code: "custom", path: ["clientCertificates"], message });
    return z.NEVER;
  });
}

/** Those that are written, in either way; null if none can be used, and the issue is told. */
async function certificatesOf(
  { certificate, key, certificates }: WrittenCertificates,
  reading: TlsReading,
  context: z.core.$RefinementCtx,
): Promise<readonly CertificateFiles[] | null> {
  if (certificates === undefined) {
    const files = filesOf({ certificate, key }, context);
    return files !== null && (await isUsable(files, reading, context)) ? [files] : null;
  }
  if (certificate === undefined && key === undefined) return certificates;
  context.addIssue(
    "has certificates beside certificate and key; write all of them as certificates",
  );
  return null;
}

interface WrittenCertificates {
  readonly certificate?: string | undefined;
  readonly key?: string | undefined;
  readonly certificates?: readonly CertificateFiles[] | undefined;
}

function clientCaKey({ directory, certificates }: TlsReading): z.ZodType<string> {
  return pathKey(directory, {
    description:
      "PEM certificates of the authorities that sign those of clients, who are then asked for one; its CN is the user's name. Relative to the directory of the configuration file; read again when it changes.",
    example: "clients.pem",
  }).transform(async (path, context) => {
    if (certificates !== "judged") return path;
    const file = await readCaFile(path);
    if (file.kind === "certificates") return path;
    context.addIssue(file.message);
    return z.NEVER;
  });
}

const clientWays = ["required", "optional"] as const;

function clientCertificatesKey(): z.ZodType<(typeof clientWays)[number]> {
  return text(
    {
      kind: "required or optional",
      description:
        "Whether who shows no client certificate is refused. Default with clientCa: required.",
      example: "optional",
      hints: { anyOf: [{ enum: clientWays }, patternHint()] },
    },
    (written) => clientWays.find((way) => way === written) ?? null,
  );
}

function certificatesKey(reading: TlsReading): z.ZodType<readonly CertificateFiles[]> {
  return list(certificateTable(reading), {
    kind: "a list of certificates",
    description: "The client's name for the mirror (SNI) chooses; the first is for all others.",
    example: [example],
  })
    .min(1, { error: `names none; write for example ${severalExample}` })
    .max(mostCertificates, { error: `names more than ${mostCertificates}; leave some out` });
}

/** The two, if both are written; else null, and the issue is told. */
function filesOf(
  written: { readonly certificate: string | undefined; readonly key: string | undefined },
  context: z.core.$RefinementCtx,
): CertificateFiles | null {
  const { certificate, key } = written;
  if (certificate !== undefined && key !== undefined)
    return { certificateFile: certificate, keyFile: key };
  const path = certificate === undefined ? "certificate" : "key";
  const message = `is missing; write for example ${example[path]}`;
  context.addIssue({ code: "custom", path: [path], message });
  return null;
}
