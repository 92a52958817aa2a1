import { type BoundedFile, readBoundedFile } from "./bounded-file.ts";
import { parseHtpasswd } from "./htpasswd.ts";
import type { LoginFileProblem } from "./login-lines.ts";
import { parseTokens } from "./tokens.ts";

// Ten thousand users fit into it.
const limitBytes = 1024 * 1024;

/** Reads a file of logins. */
export function readLoginFile(path: string): Promise<BoundedFile> {
  return readBoundedFile(path, limitBytes);
}

/** What is said of a file that cannot be used: a sentence that begins with it, and with the line if it is one. */
export interface UnusableLogins {
  readonly kind: "unusable";
  readonly message: string;
}

type ParsedHtpasswd = Exclude<ReturnType<typeof parseHtpasswd>, LoginFileProblem>;
type ParsedTokens = Exclude<ReturnType<typeof parseTokens>, LoginFileProblem>;

export function htpasswdIn(path: string, file: BoundedFile): ParsedHtpasswd | UnusableLogins {
  return parsed(path, file, parseHtpasswd);
}

export function tokensIn(path: string, file: BoundedFile): ParsedTokens | UnusableLogins {
  return parsed(path, file, parseTokens);
}

function parsed<Content extends { readonly kind: string }>(
  path: string,
  file: BoundedFile,
  parse: (text: string) => Content | LoginFileProblem,
): Content | UnusableLogins {
  if (file.kind !== "text") return { kind: "unusable", message: `${path} ${file.problem}` };
  const content = parse(file.text);
  if (!isProblem(content)) return content;
  const place = content.line === null ? path : `${path}:${content.line}`;
  return { kind: "unusable", message: `${place} ${content.message}` };
}

function isProblem(content: { readonly kind: string }): content is LoginFileProblem {
  return content.kind === "problem";
}
