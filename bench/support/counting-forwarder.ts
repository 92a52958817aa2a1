import { connect, createServer, type Server, type Socket } from "node:net";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Lab } from "./lab.ts";

/** Stands before the origin and counts what it sends, whatever a contestant says it has asked for. */
export class CountingForwarder implements AsyncDisposable {
  readonly #origin: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #bytes = 0;

  private constructor(originUrl: string) {
    this.#origin = new URL(originUrl);
    this.#server = createServer((client) => this.#forward(client));
  }

  static async start(lab: Lab, originUrl: string): Promise<CountingForwarder> {
    const forwarder = new CountingForwarder(originUrl);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    forwarder.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return lab.keep(forwarder);
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it is not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  /** Bytes the origin has sent so far, headers included. */
  get bytes(): number {
    return this.#bytes;
  }

  /** What the origin sends while `work` runs, and on behalf of it afterwards. */
  async bytesDuring(work: () => Promise<unknown>): Promise<number> {
    const before = this.#bytes;
    await work();
    await this.#quiet();
    return this.#bytes - before;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await this.#server[Symbol.asyncDispose]();
  }

  /** Waits until nothing came for half a second: registry:2.8 goes on after its client has all. */
  async #quiet(): Promise<void> {
    const untilMs = Date.now() + 60_000;
    let before = -1;
    while (before !== this.#bytes && Date.now() < untilMs) {
      before = this.#bytes;
      await sleep(500);
    }
  }

  #forward(client: Socket): void {
    const origin = connect({ host: this.#origin.hostname, port: Number(this.#origin.port) });
    origin.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
    });
    for (const socket of [client, origin]) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
    // One that cuts its connection is its own affair; pipeline cuts the other half.
    pipeline(client, origin).catch(() => undefined);
    pipeline(origin, client).catch(() => undefined);
  }
}
