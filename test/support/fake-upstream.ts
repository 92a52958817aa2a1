import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Digest } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { freePort } from "./free-port.ts";
import type { TestBlob, TestImage } from "./images.ts";

/** One request that came, and what became of it. */
export interface SeenRequest {
  readonly method: string;
  /** Path and query. */
  readonly target: string;
  readonly headers: IncomingMessage["headers"];
  /** null until the answer has begun. */
  status: number | null;
  /** Bytes of body handed to the socket. */
  sentBytes: number;
}

export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface FakeUpstreamOptions {
  /** Answer 401 until a token comes that its own token server gave out for the repository. */
  readonly tokens?: boolean;
  /** Sees each request for a repository first; true if it has answered it. */
  readonly gate?: (
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
  ) => Promise<boolean>;
}

// Bodies go out in pieces of this size, so that a mirror sees them arrive over time.
const pieceBytes = 64 * 1024;

/**
 * A registry in memory, for what a real one cannot be made to do: it counts, holds bodies where it is told to,
 * and answers wrongly on request. Honest unless told otherwise.
 */
export class FakeUpstream implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  readonly #server: Server;
  readonly #options: FakeUpstreamOptions;
  readonly #blobs = new Map<string, Buffer>();
  readonly #manifests = new Map<string, Manifest>();
  readonly #tags = new Map<string, readonly string[]>();
  readonly #overrides = new Map<string, Answer>();
  #always: Answer | null = null;
  readonly #holds = new Map<string, { afterBytes: number; released: Promise<void> }>();
  #port = 0;
  #connections = 0;

  private constructor(options: FakeUpstreamOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      this.#handle(request, response).catch(() => response.destroy());
    });
    this.#server.on("connection", () => {
      this.#connections++;
    });
  }

  static async start(options: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
    const upstream = new FakeUpstream(options);
    await upstream.up();
    return upstream;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** How many were ever made to it. */
  get connections(): number {
    return this.#connections;
  }

  /** Listens (again, on the same port). */
  async up(): Promise<void> {
    this.#port ||= await freePort();
    this.#server.listen(this.#port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Refuses connections, and breaks those there are. */
  async down(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  addBlob(repository: string, { digest, bytes }: TestBlob): void {
    this.#blobs.set(`${repository} ${digest}`, bytes);
  }

  /** Adds the image with its children and blobs, and lets `tag` mean it. */
  addImage(repository: string, tag: string, image: TestImage): void {
    this.#addTree(repository, image);
    this.#manifests.set(`${repository} ${tag}`, image.manifest);
    this.#tags.set(repository, [...new Set([...(this.#tags.get(repository) ?? []), tag])]);
  }

  removeTag(repository: string, tag: string): void {
    this.#manifests.delete(`${repository} ${tag}`);
  }

  /** Answers a path (without query) in another way from now on; null takes that back. */
  override(path: string, answer: Answer | null): void {
    if (answer) this.#overrides.set(path, answer);
    else this.#overrides.delete(path);
  }

  /** Answers everything in another way from now on; null takes that back. */
  overrideAll(answer: Answer | null): void {
    this.#always = answer;
  }

  /** Sends a blob only up to `afterBytes` until the function that is returned is called. */
  hold(repository: string, digest: Digest, afterBytes: number): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#holds.set(`${repository} ${digest}`, { afterBytes, released: promise });
    return resolve;
  }

  /** The requests with this method whose path contains `part`. */
  count(method: string, part: string): number {
    return this.requests.filter((one) => one.method === method && one.target.includes(part)).length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  #addTree(repository: string, { manifest, blobs, children }: TestImage): void {
    this.#manifests.set(`${repository} ${manifest.digest}`, manifest);
    for (const blob of blobs) this.addBlob(repository, blob);
    for (const child of children) this.#addTree(repository, child);
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const target = request.url ?? "";
    const seen: SeenRequest = {
      method: request.method ?? "",
      target,
      headers: request.headers,
      status: null,
      sentBytes: 0,
    };
    this.requests.push(seen);
    countBytes(response, seen);
    const [path = ""] = target.split("?", 1);
    const override = this.#always ?? this.#overrides.get(path);
    if (override) return await override(request, response);
    if (path === "/token") return this.#giveToken(target, response);
    const [, repository = "", kind = "", reference = ""] =
      /^\/v2\/(.+)\/(manifests|blobs|tags|referrers)\/([^/]+)$/.exec(path) ?? [];
    if (await this.#refused(request, response, repository)) return;
    const key = `${repository} ${reference}`;
    if (kind === "manifests") return sendManifest(request, response, this.#manifests.get(key));
    if (kind === "blobs") return await this.#sendBlob(request, response, key);
    const tags = this.#tags.get(repository);
    if (kind === "tags" && tags) return sendJson(response, 200, { name: repository, tags });
    return notFound(response, "NAME_UNKNOWN");
  }

  async #refused(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
  ): Promise<boolean> {
    const { tokens, gate } = this.#options;
    if (tokens && request.headers.authorization !== `Bearer ${tokenFor(repository)}`) {
      this.#challenge(response);
      return true;
    }
    return (await gate?.(request, response, repository)) ?? false;
  }

  #challenge(response: ServerResponse): void {
    // ghcr.io sends a placeholder for the scope too; who uses it gets a token for nothing.
    const challenge = `Bearer realm="${this.url}/token",service="fake, with a comma",scope="repository:user/image:pull"`;
    response.setHeader("www-authenticate", challenge);
    sendJson(response, 401, {
      errors: [{ code: "UNAUTHORIZED", message: "authentication required" }],
    });
  }

  #giveToken(target: string, response: ServerResponse): void {
    const scope = new URL(target, this.url).searchParams.get("scope") ?? "";
    const repository = /^repository:(.+):pull$/.exec(scope)?.[1] ?? "";
    sendJson(response, 200, { token: tokenFor(repository), expires_in: 300 });
  }

  async #sendBlob(request: IncomingMessage, response: ServerResponse, key: string): Promise<void> {
    const bytes = this.#blobs.get(key);
    if (!bytes) return notFound(response, "BLOB_UNKNOWN");
    response.writeHead(200, {
      "content-length": bytes.length,
      "content-type": "application/octet-stream",
    });
    if (request.method === "HEAD") return void response.end();
    await this.#sendPieces(response, bytes, this.#holds.get(key));
    response.end();
  }

  async #sendPieces(
    response: ServerResponse,
    bytes: Buffer,
    hold: { afterBytes: number; released: Promise<void> } | undefined,
  ): Promise<void> {
    const first = hold ? bytes.subarray(0, hold.afterBytes) : bytes;
    await sendAll(response, first);
    await hold?.released;
    await sendAll(response, bytes.subarray(first.length));
  }
}

function tokenFor(repository: string): string {
  return `token-for-${repository.replaceAll("/", ".")}`;
}

async function sendAll(response: ServerResponse, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length && !response.destroyed; at += pieceBytes) {
    const { promise, resolve } = Promise.withResolvers<void>();
    response.once("close", resolve);
    response.write(bytes.subarray(at, at + pieceBytes), () => resolve());
    await promise;
    response.off("close", resolve);
  }
}

function sendManifest(
  request: IncomingMessage,
  response: ServerResponse,
  manifest: Manifest | undefined,
): void {
  if (!manifest) {
    notFound(response, "MANIFEST_UNKNOWN");
    return;
  }
  const { mediaType, digest, bytes } = manifest;
  response.writeHead(200, {
    "content-type": mediaType,
    "content-length": bytes.length,
    "docker-content-digest": digest,
  });
  response.end(request.method === "HEAD" ? undefined : bytes);
}

function notFound(response: ServerResponse, code: string): void {
  sendJson(response, 404, { errors: [{ code, message: "not here" }] });
}

function sendJson(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { "content-type": "application/json" });
  response.end(JSON.stringify(body));
}

function countBytes(response: ServerResponse, seen: SeenRequest): void {
  const write = response.write.bind(response) as (...args: unknown[]) => boolean;
  response.write = ((chunk: Buffer, ...rest: unknown[]) => {
    seen.sentBytes += chunk.length;
    return write(chunk, ...rest);
  }) as ServerResponse["write"];
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  response.writeHead = ((status: number, ...rest: unknown[]) => {
    seen.status = status;
    return writeHead(status, ...rest);
  }) as ServerResponse["writeHead"];
}
