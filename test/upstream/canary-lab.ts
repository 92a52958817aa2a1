import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import type { UpstreamConfig } from "../../src/config/config.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob, type TestBlob } from "../support/images.ts";
import type { RawAnswer } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

export const username = "CANARYU";
export const password = "CANARYP";
export const basic: string = basicOf(password);

export function basicOf(secret: string): string {
  return `Basic ${Buffer.from(`${username}:${secret}`).toString("base64")}`;
}

// Every way in which one of them could be written on the way: as it is, or in base64.
const canary = new RegExp(`CANARY|${basic.slice("Basic ".length)}|${btoa(password)}`);

/** How the registry's token server answers a request that it has let in. */
type TokenAnswer = (token: string) => Readonly<Record<string, unknown>>;

interface Guarded {
  /** Who is let in; else whoever has a token that is still good. */
  readonly accepts?: (authorization: string) => boolean;
  /** What those get; else the blob. */
  readonly sends?: (blob: TestBlob) => Answer;
  /** What others get; else the challenge of the registry's own token server. */
  readonly refuses?: Answer;
}

/**
 * A registry that gives content to whoever has a token of its token server, which gives tokens to CANARYU; a server
 * elsewhere, which must never see any of that; and a mirror that has the credentials.
 */
export class CanaryLab implements AsyncDisposable {
  readonly registry: FakeUpstream;
  readonly elsewhere: FakeUpstream;
  readonly mirror: TestMirror;
  /** Bodies of the requests to the token server, in order. */
  readonly forms: string[] = [];
  /** The `Authorization` that the token server lets in. */
  accepted: string = basic;
  readonly #answers: RawAnswer[] = [];
  readonly #given = new Set<string>();
  #tokenAnswer: TokenAnswer = (token) => ({ token, expires_in: 300 });
  #tokens = 0;
  #blobs = 0;

  private constructor(registry: FakeUpstream, elsewhere: FakeUpstream, mirror: TestMirror) {
    this.registry = registry;
    this.elsewhere = elsewhere;
    this.mirror = mirror;
    registry.override("/token", (request, response) => this.giveToken(request, response));
  }

  static async start(
    settings: (elsewhere: URL) => Partial<UpstreamConfig> = () => ({}),
  ): Promise<CanaryLab> {
    const registry = await FakeUpstream.start();
    const elsewhere = await FakeUpstream.start();
    const credentials = [{ kind: "password", username, password }] as const;
    const mirror = await TestMirror.start({
      upstreams: { "docker.io": registry },
      settings: {
        "docker.io": { credentials, access: "shared", ...settings(new URL(elsewhere.url)) },
      },
    });
    return new CanaryLab(registry, elsewhere, mirror);
  }

  /** Where the registry says that its token server is, in a URL. */
  get realm(): string {
    return `${this.registry.url}/token`;
  }

  /** What a token server answers: `/token` of the registry does, and others may be made to. */
  readonly giveToken: Answer = async (request, response) => {
    this.forms.push(await text(request));
    if (request.method === "GET" && request.headers.authorization !== this.accepted) {
      return void response.writeHead(401).end();
    }
    const token = `CANARYT${this.#tokens++}`;
    this.#given.add(`Bearer ${token}`);
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify(this.#tokenAnswer(token)));
  };

  answerTokensWith(answer: TokenAnswer): void {
    this.#tokenAnswer = answer;
  }

  /** What was given out so far is good for nothing any more. */
  revokeTokens(): void {
    this.#given.clear();
  }

  /** The registry's answer to whoever has no token: 401, with this challenge. */
  challenging(challenge: string = this.challenge(this.realm)): Answer {
    return (_, response) => {
      response.writeHead(401, { "www-authenticate": challenge }).end();
    };
  }

  challenge(realm: string): string {
    return `Bearer realm="${realm}",service="lab, with a comma"`;
  }

  /** A blob that is given to whoever the registry lets in. */
  guard({ accepts, sends = sending, refuses = this.challenging() }: Guarded = {}): TestBlob {
    const blob = noiseBlob(`canary ${this.#blobs++}`, 500);
    this.registry.override(pathOf(blob), (request, response) => {
      const { authorization = "" } = request.headers;
      const isIn = accepts ? accepts(authorization) : this.#given.has(authorization);
      return (isIn ? sends(blob) : refuses)(request, response);
    });
    return blob;
  }

  async pull(blob: TestBlob): Promise<RawAnswer> {
    return await this.get(pathOf(blob));
  }

  async get(target: string): Promise<RawAnswer> {
    const answer = await this.mirror.get(target);
    this.#answers.push(answer);
    return answer;
  }

  tokenRequests(): FakeUpstream["requests"] {
    return this.registry.requests.filter(({ target }) => target.startsWith("/token"));
  }

  contentRequests(): FakeUpstream["requests"] {
    return this.registry.requests.filter(({ target }) => target.startsWith("/v2/"));
  }

  /** Nothing secret went elsewhere, to the client, into the log or into the metrics. */
  async assertKept(): Promise<void> {
    for (const { target, headers } of this.elsewhere.requests) {
      assert.doesNotMatch(JSON.stringify({ target, headers }), canary);
    }
    for (const { headers, body } of this.#answers) {
      assert.doesNotMatch(JSON.stringify(headers) + body.toString(), canary);
    }
    assert.doesNotMatch(JSON.stringify(this.mirror.logLines), canary);
    for (const path of ["/metrics", "/api/v1/stats", "/readyz"]) {
      assert.doesNotMatch((await this.mirror.admin(path)).body.toString(), canary);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    await this.elsewhere[Symbol.asyncDispose]();
    await this.registry[Symbol.asyncDispose]();
  }
}

export function sending({ bytes }: TestBlob): Answer {
  return (_, response) => void response.writeHead(200).end(bytes);
}

export function redirecting(status: number, location: string): Answer {
  return (_, response) => void response.writeHead(status, { location }).end();
}

export function assertError(
  { status, body }: RawAnswer,
  expected: { readonly status: number; readonly kind: string; readonly message?: RegExp },
): void {
  const [error] = JSON.parse(body.toString()).errors;
  assert.deepEqual(
    { status, kind: error.detail?.kind },
    { status: expected.status, kind: expected.kind },
    body.toString(),
  );
  assert.match(error.message, expected.message ?? /./);
}

function pathOf({ digest }: TestBlob): string {
  return `/v2/team/app/blobs/${digest}`;
}

/** The `Authorization` header of the requests, in order. */
export function authorizations(
  requests: readonly { headers: IncomingMessage["headers"] }[],
): (string | undefined)[] {
  return requests.map(({ headers }) => headers.authorization);
}
