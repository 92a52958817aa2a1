/** What a token server must be told: distribution spec's token authentication. */
export interface BearerChallenge {
  readonly realm: string;
  readonly service: string | null;
}

interface Challenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

/**
 * The first Bearer challenge with a realm in a `WWW-Authenticate` header (RFC 9110, section 11.6.1: several
 * challenges and quoted commas are allowed), or null. Its scope is left out on purpose: ghcr.io
 * sends a placeholder, so the scope is always computed from the repository.
 */
export function bearerChallenge(header: string | undefined): BearerChallenge | null {
  for (const { scheme, params } of parseChallenges(header ?? "")) {
    const realm = params.get("realm");
    if (scheme === "bearer" && realm) return { realm, service: params.get("service") ?? null };
  }
  return null;
}

// One token at a time, each sticky match linear in what it takes: a parameter, or a scheme's name.
const parameter = /([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))[ \t,]*/y;
const scheme = /([\w!#$%&'*+.^`|~-]+)[ \t,]*/y;

function parseChallenges(text: string): Challenge[] {
  const challenges: { scheme: string; params: Map<string, string> }[] = [];
  for (let at = 0; at < text.length; ) {
    const param = matchAt(parameter, text, at);
    const current = challenges.at(-1);
    if (param && current) {
      const [all, name = "", quoted, bare = ""] = param;
      current.params.set(name.toLowerCase(), quoted?.replace(/\\(.)/g, "$1") ?? bare);
      at += all.length;
      continue;
    }
    const name = matchAt(scheme, text, at);
    if (name) challenges.push({ scheme: (name[1] ?? "").toLowerCase(), params: new Map() });
    at += name ? name[0].length : 1;
  }
  return challenges;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  const sticky = new RegExp(pattern);
  sticky.lastIndex = at;
  return sticky.exec(text);
}
