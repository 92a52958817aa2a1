import { X509Certificate } from "node:crypto";
import { type BoundedFile, readBoundedFile } from "./bounded-file.ts";

export type CaFile =
  | { readonly kind: "certificates"; readonly pem: string }
  | { readonly kind: "problem"; readonly message: string };

// Every authority that Debian trusts takes 220 KiB.
const limitBytes = 4 * 1024 * 1024;

const begin = "-----BEGIN CERTIFICATE-----";
const end = "-----END CERTIFICATE-----";

/** Reads PEM certificates and decodes each, so that a broken one is found now and not at the first pull. */
export async function readCaFile(path: string): Promise<CaFile> {
  return caFileOf(path, await readCaText(path));
}

export function readCaText(path: string): Promise<BoundedFile> {
  return readBoundedFile(path, limitBytes);
}

/** What the file at `path` holds, judged. */
export function caFileOf(path: string, file: BoundedFile): CaFile {
  if (file.kind !== "text") return problem(`${path} ${file.problem}`);
  const found = certificatesIn(file.text);
  if (found.length === 0) {
    return problem(`${path} holds no PEM certificate ("${begin}")`);
  }
  const broken = found.findIndex((pem) => !isCertificate(pem));
  if (broken >= 0) return problem(`certificate ${broken + 1} in ${path} cannot be decoded`);
  return { kind: "certificates", pem: found.join("\n") };
}

/** What begins and does not end is one too, if a broken one. */
function certificatesIn(text: string): string[] {
  const [, ...begun] = text.split(begin);
  return begun.map((rest) => {
    const at = rest.indexOf(end);
    return begin + (at < 0 ? rest : rest.slice(0, at + end.length));
  });
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    // OpenSSL has one error a way to be broken; none says more to an operator.
    return false;
  }
}

function problem(message: string): CaFile {
  return { kind: "problem", message };
}
