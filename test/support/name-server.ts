import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";

/** What each name is, the first time it is asked for, the second, …; the last of these for ever. IPv6 unabbreviated. */
export type Zone = Readonly<Record<string, readonly (readonly string[])[]>>;

const typeA = 1;
const typeAaaa = 28;

/** A name server on port 53 of loopback that says of each name what a test wants (RFC 1035, RFC 3596). */
export class NameServer implements AsyncDisposable {
  /** Every name that was asked for an IPv4 address, in order. */
  readonly asked: string[] = [];
  readonly #socket: Socket = createSocket("udp4");
  readonly #zone: Zone;

  private constructor(zone: Zone) {
    this.#zone = zone;
    this.#socket.on("message", (query, { port, address }) => {
      this.#socket.send(this.#answer(query), port, address);
    });
  }

  static async start(zone: Zone): Promise<NameServer> {
    const server = new NameServer(zone);
    server.#socket.bind(53, "127.0.0.1");
    await once(server.#socket, "listening");
    return server;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, "close");
  }

  #answer(query: Buffer): Buffer {
    const { name, type, end } = questionOf(query);
    if (type === typeA) this.asked.push(name);
    const records = this.#addressesOf(name)
      .filter((address) => address.includes(":") === (type === typeAaaa))
      .map((address) => recordOf(type, address));
    const header = Buffer.from(query.subarray(0, 12));
    header.writeUInt16BE(0x8580, 2);
    header.writeUInt16BE(records.length, 6);
    header.writeUInt32BE(0, 8);
    return Buffer.concat([header, query.subarray(12, end), ...records]);
  }

  /** Every look-up asks for an IPv4 address, and beside it, later, for one of IPv6. */
  #addressesOf(name: string): readonly string[] {
    const turns = this.#zone[name] ?? [];
    const turn = this.asked.filter((one) => one === name).length - 1;
    return turns[Math.min(Math.max(0, turn), turns.length - 1)] ?? [];
  }
}

function questionOf(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = [];
  let at = 12;
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString("latin1", at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join("."), type: query.readUInt16BE(at + 1), end: at + 5 };
}

/** Of the name that was asked for, for no time: it is asked for again the next time. */
function recordOf(type: number, address: string): Buffer {
  const bytes = address.includes(":")
    ? Buffer.from(address.split(":").join(""), "hex")
    : Buffer.from(address.split(".").map(Number));
  const head = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, bytes.length]);
  return Buffer.concat([head, bytes]);
}
