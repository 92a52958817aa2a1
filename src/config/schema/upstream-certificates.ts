import type { z } from "zod";
import type { ClientCertificate, UpstreamConfig } from "../config.ts";
import type { CaFile } from "../files/ca-file.ts";
import type { WrittenClient } from "./certificate-tables.ts";
import type { CertificateUse } from "./certificate-use.ts";

/** What an upstream's files with certificates hold, good or not. */
export interface WrittenCertificates {
  readonly name: string;
  readonly caFile: CaFile | null;
  readonly client: WrittenClient | null;
}

export type UpstreamCertificates = Pick<UpstreamConfig, "caPem" | "caIsKept" | "client">;

/**
 * What an upstream is asked with: what the files hold, or where they cannot be used what is used now. Where that is nothing,
 * the issue is told: to ask without would be to believe more than was written, or to come as somebody else.
 */
export function certificatesOf(
  { name, caFile, client }: WrittenCertificates,
  use: CertificateUse,
  context: z.core.$RefinementCtx,
): UpstreamCertificates {
  const used = use === "judged" ? undefined : use.upstreams.find((one) => one.name === name);
  const tell = (path: readonly string[], message: string): void =>
    context.addIssue({ code: "custom", path: [name, ...path], message });
  const caIsKept = caFile?.kind === "problem";
  const caPem = caIsKept ? (used?.caPem ?? null) : (caFile?.pem ?? null);
  if (caIsKept && caPem === null) tell(["caFile"], caFile.message);
  return { caPem, caIsKept, client: client && clientOf(client, used?.client ?? null, tell) };
}

function clientOf(
  { read, ...files }: WrittenClient,
  used: ClientCertificate | null,
  tell: (path: readonly string[], message: string) => void,
): ClientCertificate {
  if (read.kind === "problem" && used === null) tell(["client", read.at], read.message);
  const { certificatePem, keyPem } = read.kind === "pair" ? read : (used ?? nothing);
  return { ...files, certificatePem, keyPem };
}

// Of a configuration that is refused.
const nothing = { certificatePem: "", keyPem: "" };
