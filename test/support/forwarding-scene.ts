import type { IncomingMessage, ServerResponse } from "node:http";
import { FakeUpstream } from "./fake-upstream.ts";
import type { RawAnswer } from "./raw-client.ts";
import { TestMirror, type TestMirrorOptions } from "./test-mirror.ts";

export interface ForwardingOptions {
  /** Whether users show tokens of the registry's token server, and not their passwords. */
  readonly tokens?: boolean;
  /** What the registry says to who has no right to a repository; 403 where nothing is said. */
  readonly denial?: 403 | 404;
  readonly mirror?: Partial<TestMirrorOptions>;
}

/** Each user's password is the name backwards. */
export type User = "alice" | "bob";

/** A mirror with `access: forward` before a registry of two users, and another upstream beside. */
export class ForwardingScene implements AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly beside: FakeUpstream;
  readonly mirror: TestMirror;
  /** Who has a right to which repositories; "" is everybody. */
  readonly rights: Map<string, ReadonlySet<User | "">>;
  /** As whom the registry was asked: `alice GET team/app`, `alice token`; `?` is a wrong login. */
  readonly asked: string[];

  private constructor(
    parts: Pick<ForwardingScene, "hub" | "beside" | "mirror" | "rights" | "asked">,
  ) {
    this.hub = parts.hub;
    this.beside = parts.beside;
    this.mirror = parts.mirror;
    this.rights = parts.rights;
    this.asked = parts.asked;
  }

  static async start(options: ForwardingOptions = {}): Promise<ForwardingScene> {
    await using resources = new AsyncDisposableStack();
    const registry = new Registry(options);
    const gate: Gate = async (...asked) => registry.isRefused(...asked);
    const hub = resources.use(await FakeUpstream.start({ gate }));
    registry.url = hub.url;
    hub.override("/token", (request, response) => registry.giveToken(request, response));
    hub.override("/v2/", (request, response) => registry.greet(request, response));
    const beside = resources.use(await FakeUpstream.start());
    const mirror = await TestMirror.start({
      upstreams: { "private.test": hub, "beside.test": beside },
      settings: { "private.test": { access: "forward" } },
      ...options.mirror,
    });
    resources.move();
    const { rights, asked } = registry;
    return new ForwardingScene({ hub, beside, mirror, rights, asked });
  }

  /** The answer to a user; to nobody where none is named. */
  get(target: string, user: User | null = null): Promise<RawAnswer> {
    return this.mirror.get(target, loginOf(user));
  }

  /** The same for a status alone. */
  async statusOf(target: string, user: User | null = null): Promise<number> {
    return (await this.get(target, user)).status;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    for (const one of [this.hub, this.beside]) await one[Symbol.asyncDispose]();
  }
}

export function loginOf(user: User | null): Record<string, string> {
  return user === null ? {} : { authorization: basic(user, passwordOf(user)) };
}

export function passwordOf(user: User): string {
  return [...user].reverse().join("");
}

export function basic(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

type Gate = (
  request: IncomingMessage,
  response: ServerResponse,
  repository: string,
) => Promise<boolean>;

class Registry {
  readonly rights = new Map<string, ReadonlySet<User | "">>();
  readonly asked: string[] = [];
  url = "";
  readonly #options: ForwardingOptions;

  constructor(options: ForwardingOptions) {
    this.#options = options;
  }

  isRefused({ headers, method }: IncomingMessage, response: ServerResponse, of: string): boolean {
    const { authorization } = headers;
    const { tokens, denial = 403 } = this.#options;
    const user = tokens ? userOfToken(authorization, of) : userOfPassword(authorization);
    const who = authorization === undefined ? "nobody" : (user ?? "?");
    this.asked.push(`${who} ${method} ${of}`);
    const rights = this.rights.get(of);
    if (user === "" && rights?.has("")) return false;
    if (!user) return this.#challenge(response);
    if (rights?.has(user) || rights?.has("")) return false;
    response.writeHead(denial).end();
    return true;
  }

  giveToken({ headers, url = "" }: IncomingMessage, response: ServerResponse): void {
    const user = userOfPassword(headers.authorization);
    this.asked.push(`${user ?? "?"} token`);
    if (user === null) return void response.writeHead(401).end();
    const scope = new URL(url, this.url).searchParams.get("scope") ?? "";
    const repository = /^repository:(.+):pull$/.exec(scope)?.[1] ?? "";
    const token = Buffer.from(`${user} ${repository}`).toString("base64url");
    response.end(JSON.stringify({ token, expires_in: 300 }));
  }

  greet({ headers }: IncomingMessage, response: ServerResponse): void {
    const { authorization } = headers;
    const user = this.#options.tokens
      ? userOfToken(authorization, "")
      : userOfPassword(authorization);
    if (user) response.writeHead(200).end("{}");
    else this.#challenge(response);
  }

  #challenge(response: ServerResponse): true {
    const bearer = `Bearer realm="${this.url}/token",service="private"`;
    response.setHeader("www-authenticate", this.#options.tokens ? bearer : 'Basic realm="private"');
    response.writeHead(401).end();
    return true;
  }
}

/** "" for nobody, null for a wrong login. */
function userOfPassword(authorization: string | undefined): User | "" | null {
  if (authorization === undefined) return "";
  const users = ["alice", "bob"] as const;
  return users.find((user) => authorization === loginOf(user)["authorization"]) ?? null;
}

function userOfToken(authorization: string | undefined, repository: string): User | "" | null {
  const text = Buffer.from(authorization?.replace("Bearer ", "") ?? "", "base64url").toString();
  const [user, of] = text.split(" ");
  if (of !== repository || authorization === undefined) return null;
  return user === "alice" || user === "bob" || user === "" ? user : null;
}
