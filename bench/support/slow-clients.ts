import { connect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type AnswerHead, parseHead, requestFor } from "./raw-answer.ts";

export interface SlowPull {
  readonly url: string;
  /** What must come; the pulls are cut before its end. */
  readonly content: Buffer;
  readonly clients: number;
  readonly bytesPerSecond: number;
  readonly seconds: number;
  readonly signal: AbortSignal;
}

// Ten times a second each client may take its share: often enough that no buffer runs full or empty by our doing.
const tickMs = 100;

/**
 * Many clients that take a blob slowly, all in this process, and check each byte they take. Resolves to the bytes
 * a second that each got on average: less than it would take if the server can't keep up.
 */
export async function pullSlowly(pull: SlowPull): Promise<number> {
  const crowd = new Crowd(pull);
  using _cut = { [Symbol.dispose]: () => crowd.cut() };
  await Promise.race([crowd.run(), crowd.failed]);
  return crowd.bytesPerSecondEach;
}

class Crowd {
  readonly #pull: SlowPull;
  readonly #clients: SlowClient[] = [];
  readonly #failure = Promise.withResolvers<never>();
  // The bytes are looked at before the next read, so one buffer will do for all of them.
  readonly #buffer = Buffer.alloc(64 * 1024);

  constructor(pull: SlowPull) {
    this.#pull = pull;
    this.failed.catch(() => undefined);
  }

  get failed(): Promise<never> {
    return this.#failure.promise;
  }

  get bytesPerSecondEach(): number {
    const total = (of: (client: SlowClient) => number): number =>
      this.#clients.reduce((sum, client) => sum + of(client), 0);
    const { bytesPerSecond } = this.#pull;
    return (
      bytesPerSecond * (total((client) => client.usedBytes) / total((client) => client.dueBytes))
    );
  }

  /** A tenth of them come with each tick, as no thousand clients come in one millisecond. */
  async run(): Promise<void> {
    const { clients, seconds, signal } = this.#pull;
    for (let untilMs = performance.now() + seconds * 1_000; performance.now() < untilMs; ) {
      const coming = Math.min(Math.ceil(clients / 10), clients - this.#clients.length);
      for (let nth = 0; nth < coming; nth += 1) this.#clients.push(this.#newClient());
      for (const client of this.#clients) client.goOn();
      await sleep(tickMs, undefined, { signal });
    }
  }

  cut(): void {
    for (const client of this.#clients) client.cut();
  }

  #newClient(): SlowClient {
    return new SlowClient(this.#pull, this.#buffer, this.#failure.reject);
  }
}

class SlowClient {
  readonly #pull: SlowPull;
  readonly #socket: Socket;
  readonly #startMs = performance.now();
  readonly #fail: (error: Error) => void;
  #header: Buffer = Buffer.alloc(0);
  #head: AnswerHead | null = null;
  #takenBytes = 0;
  // What it may have taken by now: its share until the last tick. What came after that is not held against anybody, for
  // it is as much as a tenth of a run of a second.
  #dueBytes = 0;

  constructor(pull: SlowPull, buffer: Buffer, fail: (error: Error) => void) {
    const url = new URL(pull.url);
    const take = (bytes: number): boolean => this.#take(buffer.subarray(0, bytes));
    this.#pull = pull;
    this.#fail = fail;
    this.#socket = connect({
      host: url.hostname,
      port: Number(url.port),
      onread: { buffer, callback: take },
    });
    this.#socket.on("error", fail).on("end", () => fail(new Error(`${url.href}: cut`)));
    this.#socket.write(requestFor(url));
  }

  get dueBytes(): number {
    return this.#dueBytes;
  }

  /** How many of those it has taken. */
  get usedBytes(): number {
    return Math.min(this.#takenBytes, this.#dueBytes);
  }

  goOn(): void {
    this.#dueBytes = ((performance.now() - this.#startMs) / 1_000) * this.#pull.bytesPerSecond;
    if (this.#mayTake()) this.#socket.resume();
  }

  cut(): void {
    this.#socket
      .off("error", this.#fail)
      .on("error", () => undefined)
      .destroy();
  }

  #mayTake(): boolean {
    return this.#takenBytes < this.#dueBytes;
  }

  /** Whether to go on reading. */
  #take(bytes: Buffer): boolean {
    try {
      this.#check(this.#head === null ? this.#contentOf(bytes) : bytes);
    } catch (error) {
      this.#fail(error as Error);
      return false;
    }
    return this.#mayTake();
  }

  /** What follows the header. */
  #contentOf(bytes: Buffer): Buffer {
    this.#header = Buffer.concat([this.#header, bytes]);
    this.#head = parseHead(this.#header);
    return this.#header.subarray(this.#head?.endBytes ?? this.#header.length);
  }

  #check(bytes: Buffer): void {
    const from = this.#takenBytes;
    this.#takenBytes += bytes.length;
    if (this.#pull.content.compare(bytes, 0, bytes.length, from, this.#takenBytes) === 0) return;
    throw new Error(`${this.#pull.url}: other bytes came between ${from} and ${this.#takenBytes}`);
  }
}
