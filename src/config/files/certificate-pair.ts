import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import type { CertificateFiles } from "../config.ts";
import { type BoundedFile, readBoundedFile } from "./bounded-file.ts";

/** A certificate with its chain and its key, good to serve with. */
export interface CertificatePair {
  readonly kind: "pair";
  readonly certificatePem: string;
  /** Never to be logged or shown. */
  readonly keyPem: string;
  /** The DNS names it is for, lower-case; `*.` in front stands for one label. */
  readonly names: readonly string[];
  /** What to call it: its first name, else what its subject says. */
  readonly title: string;
  /** When it ends, in ms since the epoch. */
  readonly untilMs: number;
}

/** Why there is no pair: a sentence with the name of the file and what to do about it. */
export interface PairProblem {
  readonly kind: "problem";
  readonly at: "certificate" | "key";
  readonly message: string;
}

/**
 * With less left than this people are told. Who renews by machine does so a month before; two weeks leave time to do it
 * by hand.
 */
export const endingSoonMs: number = 14 * 86_400_000;

// A chain has a few certificates of some 2 KiB, and hundreds of names in the longest.
const limitBytes = 256 * 1024;

/** Reads one of the two files. */
export function readPemFile(path: string): Promise<BoundedFile> {
  return readBoundedFile(path, limitBytes);
}

export async function readCertificatePair(
  files: CertificateFiles,
): Promise<CertificatePair | PairProblem> {
  const [certificate, key] = await Promise.all([
    readPemFile(files.certificateFile),
    readPemFile(files.keyFile),
  ]);
  return pairOf(files, certificate, key);
}

/** What the two files hold, judged: whether they can be served with is known here, and not at the first handshake. */
export function pairOf(
  { certificateFile, keyFile }: CertificateFiles,
  certificate: BoundedFile,
  key: BoundedFile,
): CertificatePair | PairProblem {
  if (certificate.kind !== "text")
    return problem("certificate", `${certificateFile} ${certificate.problem}`);
  if (key.kind !== "text") return problem("key", `${keyFile} ${key.problem}`);
  const first = certificateIn(certificate.text);
  if (first === null) {
    const how = 'write the certificate ("-----BEGIN CERTIFICATE-----"), then its chain, into it';
    return problem(
      "certificate",
      `${certificateFile} does not begin with a PEM certificate; ${how}`,
    );
  }
  const own = keyIn(key.text);
  if (own === null) {
    const how = 'write the certificate\'s key ("-----BEGIN PRIVATE KEY-----") into it';
    return problem("key", `${keyFile} holds no PEM key without a passphrase; ${how}`);
  }
  if (!first.checkPrivateKey(own)) {
    const how = "put the two that were made together";
    return problem(
      "key",
      `${keyFile} is not the key of the certificate in ${certificateFile}; ${how}`,
    );
  }
  const refusal = refusalOf(certificate.text, key.text);
  if (refusal !== null) {
    const how = "let it be made anew, with its whole chain";
    return problem("certificate", `${certificateFile} cannot be served with (${refusal}); ${how}`);
  }
  return {
    kind: "pair",
    certificatePem: certificate.text,
    keyPem: key.text,
    ...toldBy(first),
  };
}

function problem(at: PairProblem["at"], message: string): PairProblem {
  return { kind: "problem", at, message };
}

function certificateIn(pem: string): X509Certificate | null {
  try {
    return pem.includes("-----BEGIN CERTIFICATE-----") ? new X509Certificate(pem) : null;
  } catch {
    // OpenSSL has one error a way to be broken; none says more to an operator.
    return null;
  }
}

function keyIn(pem: string): KeyObject | null {
  try {
    return createPrivateKey(pem);
  } catch {
    // Its errors say nothing but that it is none; and no part of a key belongs into a message.
    return null;
  }
}

/** Why OpenSSL does not take the two, such as a broken chain or a key too short for its level of security. */
function refusalOf(cert: string, key: string): string | null {
  try {
    createSecureContext({ cert, key });
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function toldBy({
  subjectAltName = "",
  subject,
  validTo,
}: X509Certificate): Pick<CertificatePair, "names" | "title" | "untilMs"> {
  // A name with anything but these is quoted by Node, and none that a client could send.
  const told = subjectAltName.split(", ");
  const names = told.flatMap((one) => /^DNS:([a-z0-9*._-]+)$/i.exec(one)?.[1]?.toLowerCase() ?? []);
  const addresses = told.flatMap((one) => /^IP Address:([0-9a-f.:]+)$/i.exec(one)?.[1] ?? []);
  const common = /^CN=(.+)$/m.exec(subject ?? "")?.[1];
  const [title = common ?? "without a name"] = [...names, ...addresses];
  // The longest name that DNS has.
  return { names, title: title.slice(0, 253), untilMs: Date.parse(validTo) };
}
