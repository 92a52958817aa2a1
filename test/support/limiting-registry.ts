import type { IncomingMessage, ServerResponse } from "node:http";
import { FakeUpstream } from "./fake-upstream.ts";

/** How a registry treats one of its users. */
export interface Treatment {
  /** Pulls that are left of 100; no limit where nothing is said. */
  readonly remaining?: number;
  /** Everything is refused with 429. */
  readonly limited?: { readonly retryAfter?: string };
  /** Everything is refused so. */
  readonly refusal?: number;
}

/**
 * A registry that knows users by Basic credentials, or by tokens that it gives for them, and counts pulls as Docker Hub does:
 * `GET` of manifests. Who has no credentials is `nobody`, and gets tokens only.
 */
export class LimitingRegistry implements AsyncDisposable {
  /** Who is treated otherwise than well, now. */
  readonly treated: Map<string, Treatment> = new Map();
  /** Who asked, and what was answered: `me: 200`. */
  readonly asked: string[] = [];
  /** As whom manifests were pulled. */
  readonly pulls: string[] = [];
  readonly #tokens: boolean;
  #hub: FakeUpstream | null = null;

  private constructor(tokens: boolean) {
    this.#tokens = tokens;
  }

  static async start(options: { readonly tokens?: boolean } = {}): Promise<LimitingRegistry> {
    const registry = new LimitingRegistry(options.tokens ?? false);
    const gate = async (request: IncomingMessage, response: ServerResponse): Promise<boolean> =>
      registry.#isRefused(request, response);
    const hub = await FakeUpstream.start({ gate });
    hub.override("/token", (request, response) => registry.#giveToken(request, response));
    registry.#hub = hub;
    return registry;
  }

  get hub(): FakeUpstream {
    if (!this.#hub) throw new Error("it has not started");
    return this.#hub;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#hub?.[Symbol.asyncDispose]();
  }

  #isRefused(request: IncomingMessage, response: ServerResponse): boolean {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      const realm = `Bearer realm="${this.hub.url}/token",service="fake"`;
      response.setHeader("www-authenticate", this.#tokens ? realm : 'Basic realm="fake"');
      response.writeHead(401).end();
      return true;
    }
    const user = this.#tokens ? authorization.slice("Bearer of-".length) : userOf(authorization);
    if (this.#refuse(user, response)) return true;
    this.#count(user, request, response);
    return false;
  }

  #giveToken(request: IncomingMessage, response: ServerResponse): void {
    const { authorization } = request.headers;
    const user = authorization === undefined ? "nobody" : userOf(authorization);
    if (!this.#refuse(user, response)) response.end(JSON.stringify({ token: `of-${user}` }));
  }

  #refuse(user: string, response: ServerResponse): boolean {
    const { limited, refusal } = this.treated.get(user) ?? {};
    const status = limited ? 429 : (refusal ?? 200);
    this.asked.push(`${user}: ${status}`);
    if (status === 200) return false;
    const { retryAfter } = limited ?? {};
    response.writeHead(status, retryAfter === undefined ? {} : { "retry-after": retryAfter }).end();
    return true;
  }

  #count(user: string, { method, url }: IncomingMessage, response: ServerResponse): void {
    const isPull = method === "GET" && /\/manifests\//.test(url ?? "");
    if (isPull) this.pulls.push(user);
    const { remaining } = this.treated.get(user) ?? {};
    if (remaining === undefined) return;
    const left = Math.max(0, remaining - Number(isPull));
    this.treated.set(user, { remaining: left });
    response.setHeader("ratelimit-limit", "100;w=21600");
    response.setHeader("ratelimit-remaining", `${left};w=21600`);
    response.setHeader("docker-ratelimit-source", "192.0.2.1");
  }
}

function userOf(authorization: string): string {
  const text = Buffer.from(authorization.replace(/^Basic /, ""), "base64").toString();
  return text.split(":", 1)[0] ?? "";
}
