/** What an endpoint wants to be told before it answers. */
export type Challenge = BearerChallenge | { readonly kind: "basic" };

/** A token of the token server at `realm`: distribution spec's token authentication. */
export interface BearerChallenge {
  readonly kind: "bearer";
  readonly realm: string;
  readonly service: string | null;
}

interface ParsedChallenge {
  readonly scheme: string;
  readonly params: ReadonlyMap<string, string>;
}

/**
 * What a `WWW-Authenticate` header asks for, of what we can do (RFC 9110, section 11.6.1: several challenges and
 * quoted commas are allowed): the first Bearer challenge with a realm, since a token gives less away than a password;
 * else Basic; else null.
 */
export function preferredChallenge(header: string | undefined): Challenge | null {
  const challenges = parseChallenges(header ?? "");
  for (const { scheme, params } of challenges) {
    const realm = params.get("realm");
    if (scheme === "bearer" && realm) {
      return { kind: "bearer", realm, service: params.get("service") ?? null };
    }
  }
  return challenges.some(({ scheme }) => scheme === "basic") ? { kind: "basic" } : null;
}

function parseChallenges(text: string): ParsedChallenge[] {
  // One of them at a time, linear in what it takes: a parameter, or a scheme's name.
  const parameter = /([\w!#$%&'*+.^`|~-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]*))/y;
  const scheme = /[\w!#$%&'*+.^`|~-]+/y;
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
    if (name) challenges.push({ scheme: name[0].toLowerCase(), params: new Map() });
    at += name ? name[0].length : 1;
  }
  return challenges;
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}
