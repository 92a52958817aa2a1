import { basicAuthorization, type Credentials } from "../credentials/credentials.ts";
import type { ExchangeRequest } from "../exchange/exchange.ts";
import type { Follow } from "../exchange/redirects.ts";

/** What a token is wanted for, and by whom. */
export interface TokenQuestion {
  /** The token server's URL, as the challenge has it. */
  readonly realm: string;
  readonly service: string | null;
  /** null asks for no repository: whether the credentials are right. */
  readonly scope: string | null;
  /** null asks as anybody. */
  readonly credentials: Credentials | null;
}

/** A request to a token server, and where its answer may redirect to. */
export interface TokenRequest extends Pick<ExchangeRequest, "url" | "method" | "headers" | "body"> {
  readonly follow: Follow;
}

/**
 * The request that asks `realm` (distribution's token authentication): GET, by a user and password with Basic; by an
 * identity token POST, as OAuth 2 refreshes tokens (RFC 6749, section 6).
 */
export function tokenRequest(
  realm: URL,
  { service, scope, credentials }: TokenQuestion,
): TokenRequest {
  const asked = {
    ...(service === null ? {} : { service }),
    ...(scope === null ? {} : { scope }),
  };
  if (credentials === null) {
    return { url: withQuery(realm, asked), method: "GET", headers: {}, follow: "anywhere" };
  }
  if (credentials.kind === "identity-token") return refresh(realm, asked, credentials.token);
  const { username, password } = credentials;
  return {
    url: withQuery(realm, { ...asked, account: username }),
    method: "GET",
    headers: { authorization: basicAuthorization(username, password) },
    // Elsewhere it could only be asked without the credentials, for a token that is not ours.
    follow: "origin",
  };
}

function refresh(
  realm: URL,
  asked: Readonly<Record<string, string>>,
  identityToken: string,
): TokenRequest {
  const form = { ...asked, client_id: "sluice", refresh_token: identityToken };
  return {
    url: realm,
    method: "POST",
    headers: { "content-type": "application/x-www-form-urlencoded" },
    body: new URLSearchParams({ grant_type: "refresh_token", ...form }).toString(),
    // Half of the redirects make a GET of it, the others would send the secret once more.
    follow: "nowhere",
  };
}

function withQuery(realm: URL, query: Readonly<Record<string, string>>): URL {
  const url = new URL(realm);
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value);
  return url;
}
