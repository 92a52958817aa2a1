import { z } from "zod";
import type { LoginFiles } from "../config.ts";
import type { BoundedFile } from "../files/bounded-file.ts";
import { htpasswdIn, readLoginFile, tokensIn, type UnusableLogins } from "../files/login-files.ts";
import { table } from "./keys.ts";
import { pathKey } from "./value-keys.ts";

const example = { htpasswd: "./htpasswd" };

/** `auth` of a listener. Both files are read, so that a bad one is found now. */
export function authKey(directory: string, description: string): z.ZodType<LoginFiles> {
  return table(
    {
      htpasswd: loginFileKey(directory, htpasswdIn, {
        description:
          "Users and bcrypt hashes of their passwords, as htpasswd -B writes them. Relative to the directory of the configuration file; read again when it changes.",
        example: "./htpasswd",
      }).optional(),
      tokens: loginFileKey(directory, tokensIn, {
        description:
          "Tokens, for programs: lines of NAME:sha256:HASH. Relative to the directory of the configuration file; read again when it changes.",
        example: "./tokens",
      }).optional(),
    },
    { description, example },
  )
    .refine(({ htpasswd, tokens }) => htpasswd !== undefined || tokens !== undefined, {
      error: "names no file, so nobody could log in; write for example {htpasswd: ./htpasswd}",
    })
    .transform(({ htpasswd, tokens }) => ({
      htpasswdFile: htpasswd ?? null,
      tokensFile: tokens ?? null,
    }));
}

function loginFileKey(
  directory: string,
  judge: (path: string, file: BoundedFile) => { readonly kind: string } | UnusableLogins,
  about: Parameters<typeof pathKey>[1],
): z.ZodType<string> {
  return pathKey(directory, about).transform(async (path, context) => {
    const judged = judge(path, await readLoginFile(path));
    if (!("message" in judged)) return path;
    context.addIssue(judged.message);
    return z.NEVER;
  });
}
