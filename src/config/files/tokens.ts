import { type LoginFileProblem, loginLines, loginProblem } from "./login-lines.ts";

export interface Tokens {
  readonly kind: "tokens";
  /** Whose they are, by the SHA-256 of each in lower-case hex. */
  readonly names: ReadonlyMap<string, string>;
}

/**
 * Reads lines of `NAME:sha256:HASH`, a name as often as it has tokens; or says what is wrong with the first line that is
 * none. A fast hash is enough for what is random: nobody guesses it, whatever a guess costs.
 */
export function parseTokens(text: string): Tokens | LoginFileProblem {
  const lines = loginLines(text);
  if ("kind" in lines) return lines;
  const names = new Map<string, string>();
  const numbers = new Map<string, number>();
  for (const { number, name, secret } of lines) {
    const hash = hashPattern.exec(secret)?.[1]?.toLowerCase();
    if (hash === undefined) return loginProblem(number, faultOf(secret));
    const before = numbers.get(hash);
    if (before !== undefined)
      return loginProblem(number, `has the same token as line ${before}; give each its own`);
    names.set(hash, name);
    numbers.set(hash, number);
  }
  if (names.size > 0) return { kind: "tokens", names };
  return loginProblem(null, `has no token; ${howTo}`);
}

// With or without what sha256sum prints behind it for its standard input.
const hashPattern = /^sha256:([0-9a-f]{64})(?: [ *]-)?$/i;

const howTo =
  'make one with TOKEN=$(openssl rand -hex 32), and its line with echo "NAME:sha256:$(printf %s "$TOKEN" | sha256sum)"';

function faultOf(secret: string): string {
  if (secret.startsWith("$2"))
    return `has the hash of a password, which belongs into htpasswd; ${howTo}`;
  return `is not NAME:sha256:HASH, where HASH is 64 hexadecimal digits; ${howTo}`;
}
