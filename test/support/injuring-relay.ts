import {
  request as ask,
  createServer,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import type { Digest } from "../../src/oci/digest.ts";

/** What becomes of one answer: the status alone, or the first half of the body and then no more, or a wrong byte. */
export type Injury = "503" | "429" | "cut" | "stall" | "wrong byte";

/** An HTTP relay before a registry that passes on all there is, but injures the next answer about a blob once. */
export class InjuringRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #before: string;
  readonly #pending = new Map<Digest, Injury>();

  private constructor(before: string) {
    this.#before = before;
    this.#server = createServer((request, response) => {
      this.#relay(request, response).catch(() => response.destroy());
    });
  }

  static async start(options: { readonly before: string }): Promise<InjuringRelay> {
    const relay = new InjuringRelay(options.before);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    relay.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The blobs whose next answer is still to be injured. */
  get pending(): readonly Digest[] {
    return [...this.#pending.keys()];
  }

  injure(digest: Digest, injury: Injury): void {
    this.#pending.set(digest, injury);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#server.close(() => resolve());
    this.#server.closeAllConnections();
    await promise;
  }

  async #relay(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const answer = await this.#passOn(request);
    const body = await buffer(answer);
    const injury = request.method === "GET" ? this.#injuryOf(request.url ?? "") : null;
    switch (injury) {
      case null:
        return void response.writeHead(answer.statusCode ?? 0, answer.headers).end(body);
      case "503":
      case "429":
        return refuse(response, Number(injury));
      case "wrong byte":
        body.writeUInt8(body.readUInt8(0) ^ 1);
        return void response.writeHead(answer.statusCode ?? 0, answer.headers).end(body);
      case "cut":
      case "stall":
        response.writeHead(answer.statusCode ?? 0, answer.headers);
        response.write(body.subarray(0, body.length / 2), () => {
          if (injury === "cut") response.destroy();
        });
    }
  }

  async #passOn({ method, url, headers }: IncomingMessage): Promise<IncomingMessage> {
    const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
    const options = { method, headers, agent: false };
    ask(`${this.#before}${url}`, options).on("response", resolve).on("error", reject).end();
    return promise;
  }

  #injuryOf(target: string): Injury | null {
    const digest = this.pending.find((one) => target.includes(one));
    const injury = (digest && this.#pending.get(digest)) ?? null;
    if (digest) this.#pending.delete(digest);
    return injury;
  }
}

function refuse(response: ServerResponse, status: number): void {
  const headers = { "content-type": "application/json", "retry-after": "1" };
  response.writeHead(status, headers).end('{"errors":[]}');
}
