import {
  type AddressInfo,
  createConnection,
  createServer,
  type Server,
  type Socket,
} from "node:net";
import { Transform } from "node:stream";
import { eventually } from "./eventually.ts";

export interface HoldingRelayOptions {
  /** The port on loopback that it stands before. */
  readonly port: number;
  /** How much of what comes back on one connection passes before the rest is held. */
  readonly holdAfterBytes: number;
}

/**
 * A TCP relay before an upstream that stops passing bytes on, in the middle of a blob, until `release`. It
 * makes "while a fill is running" a state to wait for and not a matter of speed.
 */
export class HoldingRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #released: PromiseWithResolvers<void> = Promise.withResolvers<void>();
  readonly #options: HoldingRelayOptions;
  #held = 0;

  private constructor(options: HoldingRelayOptions) {
    this.#options = options;
    this.#server = createServer((client) => this.#relay(client));
  }

  static async start(options: HoldingRelayOptions): Promise<HoldingRelay> {
    const relay = new HoldingRelay(options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    relay.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return relay;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Waits until an answer is held. */
  async holding(): Promise<void> {
    await eventually("the relay holds an answer", () => this.#held > 0);
  }

  /** Lets everything through, from now on too. */
  release(): void {
    this.#released.resolve();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release();
    for (const socket of this.#sockets) socket.destroy();
    await this.#server[Symbol.asyncDispose]();
  }

  #relay(client: Socket): void {
    const upstream = createConnection(this.#options.port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      this.#sockets.add(socket);
      socket.once("close", () => this.#sockets.delete(socket));
    }
    client.pipe(upstream);
    upstream.pipe(this.#gate()).pipe(client);
    // A client that leaves takes its upstream connection along; an upstream that ends well has all its bytes
    // passed on first, and only one that fails cuts its client.
    client.on("error", () => undefined).once("close", () => upstream.destroy());
    upstream.once("error", () => client.destroy());
  }

  #gate(): Transform {
    let roomBytes = this.#options.holdAfterBytes;
    return new Transform({
      transform: (chunk: Buffer, _encoding, done) => {
        roomBytes -= chunk.length;
        if (roomBytes >= 0) return done(null, chunk);
        this.#held += 1;
        this.#released.promise.then(() => done(null, chunk), done);
      },
    });
  }
}
