import { readBoundedFile } from "./bounded-file.ts";
import { withoutEnd } from "./without-end.ts";

export type PasswordFile =
  | { readonly kind: "password"; readonly password: string }
  | { readonly kind: "problem"; readonly message: string };

// The longest passwords are the JSON keys of Google's service accounts, of 2 to 3 KiB.
const limitBytes = 64 * 1024;

/** Reads a file that holds a password and nothing else. */
export async function readPasswordFile(path: string): Promise<PasswordFile> {
  const file = await readBoundedFile(path, limitBytes);
  if (file.kind !== "text") return { kind: "problem", message: `${path} ${file.problem}` };
  // Editors and echo end the line; no password ends so.
  const password = withoutEnd(file.text, "\r\n");
  if (password !== "") return { kind: "password", password };
  return { kind: "problem", message: `${path} is empty; write the password into it` };
}
