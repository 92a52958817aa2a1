import { connect, createServer, type Server, type Socket } from "node:net";
import type { Lab } from "./lab.ts";

export interface LineProperties {
  readonly bytesPerSecond: number;
  readonly roundTripMs: number;
  /** Whether each connection has a line of its own. */
  readonly isEachConnections?: boolean;
}

/**
 * A line to the origin that is long and narrow, for all who come through it together: what goes through arrives half a
 * round trip later and no faster than the line is wide, and a connection takes a round trip to come about. Nothing is lost,
 * and there is no slow start. The kernel can do that too (tc, netem), for root and where it has the module.
 */
export class LongLine implements AsyncDisposable {
  readonly #origin: URL;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #roundTripMs: number;
  readonly #lanes: () => Lanes;

  private constructor(originUrl: string, properties: LineProperties) {
    this.#origin = new URL(originUrl);
    this.#roundTripMs = properties.roundTripMs;
    const shared = newLanes(properties);
    this.#lanes = () => (properties.isEachConnections ? newLanes(properties) : shared);
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#carry(client));
  }

  static async start(lab: Lab, originUrl: string, properties: LineProperties): Promise<LongLine> {
    const line = new LongLine(originUrl, properties);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    line.#server.once("error", reject).listen(0, "127.0.0.1", resolve);
    await promise;
    return lab.keep(line);
  }

  get url(): string {
    const address = this.#server.address();
    if (address === null || typeof address === "string") throw new Error("it is not listening");
    return `http://127.0.0.1:${address.port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await this.#server[Symbol.asyncDispose]();
  }

  #carry(client: Socket): void {
    const { hostname: host, port } = this.#origin;
    this.#sockets.add(client);
    client.setNoDelay(true).on("error", () => undefined);
    const opening = setTimeout(() => {
      const origin = connect({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
      this.#sockets.add(origin);
      origin.once("close", () => this.#sockets.delete(origin));
      const { up, down } = this.#lanes();
      carry(client, origin, up);
      carry(origin, client, down);
    }, this.#roundTripMs);
    client.once("close", () => {
      clearTimeout(opening);
      this.#sockets.delete(client);
    });
  }
}

// What is on its way of one connection, as a window of TCP: more than 1 Gbit/s × 20 ms, so that the line is full.
const windowBytes = 8 * 1024 * 1024;

function carry(from: Socket, to: Socket, lane: Lane): void {
  let underwayBytes = 0;
  const isFull = (): boolean => underwayBytes + to.writableLength >= windowBytes;
  const goOn = (): void => {
    if (!isFull()) from.resume();
  };
  from.on("data", (bytes: Buffer) => {
    underwayBytes += bytes.length;
    lane.send(bytes.length, () => {
      underwayBytes -= bytes.length;
      if (!to.destroyed) to.write(bytes, goOn);
    });
    if (isFull()) from.pause();
  });
  from.on("end", () => lane.send(0, () => to.end()));
  // One that cuts its connection is its own affair; the other half is cut with it.
  from.on("error", () => to.destroy());
  from.on("close", () => lane.send(0, () => to.destroySoon()));
}

interface Lanes {
  readonly up: Lane;
  readonly down: Lane;
}

function newLanes(properties: LineProperties): Lanes {
  return { up: new Lane(properties), down: new Lane(properties) };
}

/** One way through the line: what is sent first arrives first. */
class Lane {
  readonly #msPerByte: number;
  readonly #delayMs: number;
  readonly #underway: { readonly arrivesMs: number; readonly arrive: () => void }[] = [];
  #freeMs = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor({ bytesPerSecond, roundTripMs }: LineProperties) {
    this.#msPerByte = 1_000 / bytesPerSecond;
    this.#delayMs = roundTripMs / 2;
  }

  /** Calls `arrive` when so many bytes that are sent now are at the other end. */
  send(bytes: number, arrive: () => void): void {
    this.#freeMs = Math.max(performance.now(), this.#freeMs) + bytes * this.#msPerByte;
    this.#underway.push({ arrivesMs: this.#freeMs + this.#delayMs, arrive });
    this.#wait();
  }

  #wait(): void {
    const [next] = this.#underway;
    if (this.#timer !== null || next === undefined) return;
    // A timer is late by a millisecond or two; times of arrival are fixed before, so that the line is no narrower by that.
    const waitMs = Math.max(0, Math.floor(next.arrivesMs - performance.now()));
    this.#timer = setTimeout(() => {
      this.#timer = null;
      this.#deliver();
      this.#wait();
    }, waitMs);
  }

  #deliver(): void {
    const nowMs = performance.now();
    for (let next = this.#underway[0]; next && next.arrivesMs <= nowMs; next = this.#underway[0]) {
      this.#underway.shift();
      next.arrive();
    }
  }
}
