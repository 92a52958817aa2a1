import { type LoginFileProblem, type LoginLine, loginLines, loginProblem } from "./login-lines.ts";

/** A bcrypt hash. */
export interface PasswordHash {
  /** In the `$2b$` notation. Never to be logged or shown. */
  readonly text: string;
  /** It takes 2 to the power of it rounds. */
  readonly cost: number;
}

export interface Htpasswd {
  readonly kind: "users";
  readonly users: ReadonlyMap<string, PasswordHash>;
}

/** Below, bcrypt itself has none; above, one login takes over a second: 0.06 s at 10, twice as long with each. */
const leastCost = 4;
const mostCost = 14;

/** Reads what `htpasswd -B` writes; or says what is wrong with the first line that it did not. */
export function parseHtpasswd(text: string): Htpasswd | LoginFileProblem {
  const lines = loginLines(text);
  if ("kind" in lines) return lines;
  const users = new Map<string, PasswordHash>();
  const numbers = new Map<string, number>();
  for (const { number, name, secret } of lines) {
    const hash = hashIn(secret);
    if (typeof hash === "string") return loginProblem(number, hash);
    const before = numbers.get(name);
    if (before !== undefined) {
      const message = `is about the same user as line ${before}; remove one of them`;
      return loginProblem(number, message);
    }
    users.set(name, hash);
    numbers.set(name, number);
  }
  if (users.size > 0) return { kind: "users", users };
  return loginProblem(null, "names nobody; add a user with htpasswd -B -C 10 FILE NAME");
}

/** The hash, or what is wrong with it. */
function hashIn(secret: LoginLine["secret"]): PasswordHash | string {
  const [, version = "", digits = ""] = /^\$2([a-z]?)\$(\d+)\$/.exec(secret) ?? [];
  if (digits === "") return `has ${kindOf(secret)}, and only bcrypt is taken; ${again}`;
  const cost = Number(digits);
  if (cost < leastCost || cost > mostCost)
    return `has a bcrypt hash of cost ${cost}, and ${leastCost} to ${mostCost} are taken; ${again}`;
  // "2x" marks hashes of an implementation that ignored parts of passwords.
  if (!/^[aby]$/.test(version) || !/^\d\d\$[./A-Za-z0-9]{53}$/.test(secret.slice(4)))
    return `has a bcrypt hash that is cut off or damaged; ${again}`;
  // The three notations are one algorithm for passwords of up to 72 bytes.
  return { text: `$2b$${secret.slice(4)}`, cost };
}

const again = "make it anew with htpasswd -B -C 10 FILE NAME";

function kindOf(secret: string): string {
  if (secret === "") return "no hash";
  return kinds.find(([start]) => start.test(secret))?.[1] ?? "no hash that is known";
}

const kinds: readonly (readonly [RegExp, string])[] = [
  [/^\$(apr1|1)\$/, "an MD5 hash"],
  [/^\{SS?HA\}/i, "a SHA-1 hash"],
  [/^\$5\$/, "a SHA-256 hash"],
  [/^\$6\$/, "a SHA-512 hash"],
  [/^\$(y|gy|7)\$/, "a yescrypt or scrypt hash"],
  [/^\$argon2/, "an Argon2 hash"],
  [/^sha256:/, "the hash of a token"],
];
