import type { OnReadOpts, Socket } from "node:net";

// What is read from a socket at once: with 64 KiB a reading took half as much CPU time again, with 1 MiB no less.
const readBytes = 256 * 1024;

// Reads below this are copied by themselves: headers, small answers, thin lines. From here on they are whole TLS records.
const gatheredBytes = 16 * 1024;

// Memory of a body is used again in pieces of this size.
const bufferBytes = 512 * 1024;

// What lies ready for the next bytes, all upstreams together.
const idleLimit = 16;

/** Bytes of one socket, one read behind the other. */
interface ReceiveBuffer {
  readonly memory: Buffer;
  receivedBytes: number;
  givenBackBytes: number;
  /** Whether no socket reads into it any more. */
  isFull: boolean;
}

/**
 * The memory that sockets of upstreams read into. Node's own way is new memory for each read: 16,000 pieces for 1 GiB, and
 * to collect them took as much CPU time as all the rest of a fill. Here one buffer is read into for all sockets, and copied
 * from there to memory that is used again when all that came in it has been given back.
 */
export class ReceiveBuffers {
  readonly #shared = Buffer.allocUnsafeSlow(readBytes);
  readonly #filling = new WeakMap<Socket, ReceiveBuffer>();
  readonly #byMemory = new WeakMap<ArrayBufferLike, ReceiveBuffer>();
  readonly #idle: ReceiveBuffer[] = [];

  /** How a socket is to read, for `net.connect` and `tls.connect`: what comes is pushed to it as Node would do it. */
  get onread(): OnReadOpts {
    const copy = (socket: Socket, bytes: Uint8Array): Buffer => this.#copy(socket, bytes);
    // Node calls it as a method of the socket. Should it cease to, nothing at all comes of any upstream.
    function callback(this: Socket, sizeBytes: number, shared: Uint8Array): boolean {
      return this.push(copy(this, shared.subarray(0, sizeBytes)));
    }
    return { buffer: this.#shared, callback: callback as OnReadOpts["callback"] };
  }

  /** Says of bytes of a body that nobody looks at them any more; once, and of none that overlap. */
  giveBack(chunk: Uint8Array): void {
    const buffer = this.#byMemory.get(chunk.buffer);
    if (!buffer) return;
    buffer.givenBackBytes += chunk.length;
    this.#reuse(buffer);
  }

  #copy(socket: Socket, bytes: Uint8Array): Buffer {
    if (bytes.length < gatheredBytes) return Buffer.copyBytesFrom(bytes);
    const buffer = this.#bufferFor(socket, bytes.length);
    const startBytes = buffer.receivedBytes;
    buffer.memory.set(bytes, startBytes);
    buffer.receivedBytes += bytes.length;
    return buffer.memory.subarray(startBytes, buffer.receivedBytes);
  }

  #bufferFor(socket: Socket, sizeBytes: number): ReceiveBuffer {
    const present = this.#filling.get(socket);
    if (present && present.receivedBytes + sizeBytes <= bufferBytes) return present;
    if (present) {
      present.isFull = true;
      this.#reuse(present);
    }
    const next = this.#idle.pop() ?? this.#newBuffer();
    this.#filling.set(socket, next);
    return next;
  }

  #newBuffer(): ReceiveBuffer {
    const memory = Buffer.allocUnsafeSlow(bufferBytes);
    const buffer = { memory, receivedBytes: 0, givenBackBytes: 0, isFull: false };
    this.#byMemory.set(memory.buffer, buffer);
    return buffer;
  }

  /** From its start, if nobody can hold anything of it: headers, for one, are never given back. */
  #reuse(buffer: ReceiveBuffer): void {
    if (buffer.givenBackBytes < buffer.receivedBytes) return;
    buffer.receivedBytes = 0;
    buffer.givenBackBytes = 0;
    if (!buffer.isFull) return;
    buffer.isFull = false;
    if (this.#idle.length < idleLimit) this.#idle.push(buffer);
  }
}
