import type { Config, LoginFiles } from "../config/config.ts";
import {
  htpasswdIn,
  readLoginFile,
  tokensIn,
  type UnusableLogins,
} from "../config/files/login-files.ts";
import { groups } from "../config/files/login-lines.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const subject = "server.auth";

// What htpasswd -B writes where nothing is said has 5, of which a guesser tries a thousand in a second.
const goodCost = 10;

/** Whether the files of logins can be used, and whether the rules of who may pull what are about somebody. */
export async function* checkLogins({ server }: Config): AsyncGenerator<Finding> {
  if (server.auth === null) return;
  const contents = await contentsOf(server.auth);
  for (const content of contents) yield judged(content);
  if (contents.some(({ kind }) => kind === "unusable")) return;
  yield* strangersIn(server, new Set(contents.flatMap(namesIn)));
}

type Contents = ReturnType<typeof htpasswdIn> | ReturnType<typeof tokensIn> | UnusableLogins;

async function contentsOf({ htpasswdFile, tokensFile }: LoginFiles): Promise<Contents[]> {
  const contents: Contents[] = [];
  if (htpasswdFile !== null)
    contents.push(htpasswdIn(htpasswdFile, await readLoginFile(htpasswdFile)));
  if (tokensFile !== null) contents.push(tokensIn(tokensFile, await readLoginFile(tokensFile)));
  return contents;
}

function judged(content: Contents): Finding {
  switch (content.kind) {
    case "unusable":
      return fail(
        subject,
        `${content.message}; until then nobody can log in`,
        "sluice reads the files again by itself",
      );
    case "users":
      return judgedCosts([...content.users.values()].map(({ cost }) => cost));
    case "tokens":
      return ok(subject, `tokens: ${content.names.size}`);
  }
}

function judgedCosts(costs: readonly number[]): Finding {
  const weak = costs.filter((cost) => cost < goodCost).length;
  if (weak === 0) return ok(subject, `users with a password: ${costs.length}`);
  return warn(
    subject,
    `the hashes of ${weak} of ${costs.length} users have a cost below ${goodCost}: who gets hold of the file guesses their passwords soon`,
    `make them anew with htpasswd -B -C ${goodCost} FILE NAME`,
  );
}

function namesIn(content: Contents): string[] {
  switch (content.kind) {
    case "unusable":
      return [];
    case "users":
      return [...content.users.keys()];
    case "tokens":
      return [...content.names.values()];
  }
}

/** Names in rules that nobody has. */
function* strangersIn(
  { access }: Config["server"],
  names: ReadonlySet<string>,
): Generator<Finding> {
  const known = new Set([...names, ...Object.values(groups)]);
  for (const [at, { users }] of (access ?? []).entries()) {
    const missing = (users ?? []).filter((user) => !known.has(user));
    if (missing.length === 0) continue;
    yield warn(
      `server.access[${at}]`,
      `it is about ${missing.join(", ")}, and no file of logins has such a name`,
      "correct the name, or add the user with htpasswd -B -C 10 FILE NAME",
    );
  }
}
