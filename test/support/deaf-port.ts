import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { isMainThread, parentPort, Worker } from "node:worker_threads";

/**
 * A port that neither takes connections nor refuses them, as behind a firewall that throws packets away: whoever listens
 * there accepts nothing, and those who wait for it already are as many as may.
 */
export class DeafPort implements AsyncDisposable {
  readonly port: number;
  readonly #listener: Worker;
  readonly #waiting: readonly Socket[];

  private constructor(port: number, listener: Worker, waiting: readonly Socket[]) {
    this.port = port;
    this.#listener = listener;
    this.#waiting = waiting;
  }

  static async start(): Promise<DeafPort> {
    const listener = new Worker(new URL(import.meta.url));
    const [port] = await once(listener, "message");
    // listen(2): one more than the backlog may wait; Linux throws away what asks then.
    const waiting = Array.from({ length: backlog + 1 }, () => connect(port, "127.0.0.1"));
    await Promise.all(waiting.map((socket) => once(socket, "connect")));
    return new DeafPort(port, listener, waiting);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#waiting) socket.destroy();
    await this.#listener.terminate();
  }
}

const backlog = 1;

if (!isMainThread) {
  const server = createServer().listen({ port: 0, host: "127.0.0.1", backlog });
  await once(server, "listening");
  parentPort?.postMessage((server.address() as AddressInfo).port);
  // Until it is terminated: a thread that sleeps accepts nothing.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
}
