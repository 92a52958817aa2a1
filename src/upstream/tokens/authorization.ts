import type { Repository } from "../../oci/repository.ts";
import {
  basicAuthorization,
  type CredentialSource,
  type Credentials,
} from "../credentials/credentials.ts";
import { type BearerChallenge, type Challenge, preferredChallenge } from "./challenge.ts";
import type { TokenQuestion } from "./token-request.ts";
import { TokenRefused } from "./token-server.ts";
import type { TokenSource } from "./token-source.ts";

export interface AuthorizationOptions {
  /** null asks as anybody. */
  readonly credentials: CredentialSource | null;
  /** May be shared: a token is for the credentials that it was given for. */
  readonly tokens: TokenSource;
}

/**
 * The `Authorization` headers of requests to one endpoint. Its methods reject with NoCredentials, NoToken,
 * TokenRefused, ForbiddenHop, or what sockets reject with.
 */
export class Authorization {
  readonly #source: CredentialSource | null;
  readonly #tokens: TokenSource;
  // The last one that was met, so that only the first pull pays for the 401 that tells it.
  #challenge: Challenge | null = null;

  constructor({ credentials, tokens }: AuthorizationOptions) {
    this.#source = credentials;
    this.#tokens = tokens;
  }

  /** What the endpoint will want, as far as is known from earlier requests. */
  async expected(repository: Repository): Promise<string | null> {
    return this.#challenge && (await this.#meet(this.#challenge, repository));
  }

  /**
   * What to say after a 401 with this `WWW-Authenticate` header to a request with `refused`. null if there is
   * nothing new to say.
   */
  async renewed(
    header: string | undefined,
    repository: Repository,
    refused: string | null,
  ): Promise<string | null> {
    // Some registries do not repeat their challenge when a token has expired.
    const challenge = preferredChallenge(header) ?? this.#challenge;
    if (challenge === null) return null;
    if (refused !== null) await this.#forget(challenge, repository, refused);
    const authorization = await this.#meet(challenge, repository);
    // A new token may well have the old text; a password that was refused is not sent twice.
    return challenge.kind === "basic" && authorization === refused ? null : authorization;
  }

  /**
   * What shows that we are who we say, as `docker login` does: a token for no repository, or the password. null if the
   * challenge wants nothing that we have.
   */
  async login(header: string | undefined): Promise<string | null> {
    const challenge = preferredChallenge(header);
    if (challenge === null) return null;
    const credentials = await this.#credentials();
    if (challenge.kind === "basic") return basicOf(credentials);
    const { realm, service } = challenge;
    return `Bearer ${await this.#tokens.token({ realm, service, scope: null, credentials })}`;
  }

  async #meet(challenge: Challenge, repository: Repository): Promise<string | null> {
    try {
      const credentials = await this.#credentials();
      const authorization =
        challenge.kind === "basic"
          ? basicOf(credentials)
          : `Bearer ${await this.#token(challenge, repository, credentials)}`;
      this.#challenge = challenge;
      return authorization;
    } catch (error) {
      // What cannot be met (any more) must not stand before every pull: the next 401 tells what is wanted now.
      this.#challenge = null;
      throw error;
    }
  }

  async #token(
    challenge: BearerChallenge,
    repository: Repository,
    credentials: Credentials | null,
  ): Promise<string> {
    try {
      return await this.#tokens.token(questionOf(challenge, repository, credentials));
    } catch (error) {
      if (!(error instanceof TokenRefused) || error.status !== 401) throw error;
      this.#source?.renew();
      const renewed = await this.#credentials();
      if (isSame(renewed, credentials)) throw error;
      return await this.#tokens.token(questionOf(challenge, repository, renewed));
    }
  }

  /** Forgets what led to `refused`: the token, and what is remembered of the credentials. */
  async #forget(challenge: Challenge, repository: Repository, refused: string): Promise<void> {
    if (challenge.kind === "bearer") {
      const question = questionOf(challenge, repository, await this.#credentials());
      this.#tokens.forget(question, refused.replace(/^Bearer /, ""));
    }
    this.#source?.renew();
  }

  async #credentials(): Promise<Credentials | null> {
    return (await this.#source?.credentials()) ?? null;
  }
}

// Its scope is left out on purpose: ghcr.io sends a placeholder there.
function questionOf(
  { realm, service }: BearerChallenge,
  repository: Repository,
  credentials: Credentials | null,
): TokenQuestion {
  return { realm, service, scope: `repository:${repository}:pull`, credentials };
}

// An identity token is for token servers, and no password.
function basicOf(credentials: Credentials | null): string | null {
  if (credentials?.kind !== "password") return null;
  return basicAuthorization(credentials.username, credentials.password);
}

function isSame(one: Credentials | null, other: Credentials | null): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}
