import type { OnReadOpts, Socket } from "node:net";

// Memory of a body is used again in pieces of this size, which is also what is read from a socket at once: the main thread
// took a tenth more for a cold blob with 256 KiB, and no less with 1 MiB.
const pieceBytes = 512 * 1024;

// A socket that fills this has more, and reads into a piece of its own from then on, until that is not half filled.
const sharedBytes = 64 * 1024;

// Reads below this are copied by themselves: headers, small answers, thin lines. From here on they are whole TLS records.
const gatheredBytes = 16 * 1024;

// What lies ready for the next bytes, all upstreams together.
const idleLimit = 16;

// So many pieces a socket takes of which none has come back whole: more than a batch, a queue and a segment hold. What comes
// in chunks never does, for what is between them is nobody's to give back.
const unreturnedLimit = 16;

// What may be taken from sockets before anybody asks for it: one batch of a body, which comes while the one before is written. Of
// few bodies 2 MiB each, for what a batch costs the main thread beside its bytes is a fifth of a fill with 1 MiB; of more
// 1 MiB, so that a hundred fills at once take no more than some 200 MiB with all that belongs to them.
const largeQueueBytes = 2 * 1024 * 1024;
const queueBytes = 1024 * 1024;
const fewBodies = 4;

/** How many pieces a socket has taken since one of its came back. */
interface Debt {
  pieces: number;
}

interface Piece {
  readonly memory: Buffer;
  receivedBytes: number;
  givenBackBytes: number;
  /** Whether a socket may still receive into it. */
  isOpen: boolean;
  /** Of the socket that has received into it. */
  debt: Debt | null;
}

/**
 * The memory that sockets of upstreams read into. Node's own way is new memory for each read: 16,000 pieces for 1 GiB, and
 * to collect them took as much CPU time as all the rest of a fill. Here what comes quickly is read into pieces that are
 * used again when all that came in them has been given back. What comes slowly is read into one buffer for all sockets,
 * and copied from there: a socket that waits holds no memory.
 */
export class ReceiveBuffers {
  readonly #shared = Buffer.allocUnsafeSlow(sharedBytes);
  readonly #gathering = new WeakMap<Socket, Piece>();
  readonly #debts = new WeakMap<Socket, Debt>();
  readonly #byMemory = new WeakMap<ArrayBufferLike, Piece>();
  readonly #idle: Piece[] = [];
  // Of the socket that has just read.
  #hasMore = false;
  #bodies = 0;

  /** How much of a body may wait for whoever takes it, in bytes. */
  get queueLimitBytes(): number {
    return this.#bodies > fewBodies ? queueBytes : largeQueueBytes;
  }

  /** A body comes until disposed, once. */
  enter(): Disposable {
    this.#bodies++;
    const leave = (): void => {
      this.#bodies--;
    };
    return { [Symbol.dispose]: leave };
  }

  /** How a socket is to read, for `net.connect` and `tls.connect`: what comes is pushed to it as Node would do it. */
  get onread(): OnReadOpts {
    const take = (socket: Socket, bytes: Uint8Array): Buffer => this.#take(socket, bytes);
    // Node calls it as a method of the socket. Should it cease to, nothing at all comes of any upstream.
    function callback(this: Socket, sizeBytes: number, memory: Uint8Array): boolean {
      return this.push(take(this, memory.subarray(0, sizeBytes)));
    }
    return { buffer: () => this.#next(), callback: callback as OnReadOpts["callback"] };
  }

  /** Says of bytes of a body that nobody looks at them any more; once, and of none that overlap. */
  giveBack(chunk: Uint8Array): void {
    const piece = this.#byMemory.get(chunk.buffer);
    if (!piece) return;
    piece.givenBackBytes += chunk.length;
    this.#reuse(piece);
  }

  /** Where the socket that asks reads next: nobody else reads there, or it is copied before anybody does. */
  #next(): Buffer {
    const hasMore = this.#hasMore;
    this.#hasMore = false;
    return hasMore ? this.#free().memory : this.#shared;
  }

  #take(socket: Socket, bytes: Uint8Array): Buffer {
    const own = this.#byMemory.get(bytes.buffer);
    const isQuick = bytes.length >= (own ? pieceBytes / 2 : sharedBytes);
    this.#hasMore = isQuick && this.#debtOf(socket).pieces < unreturnedLimit;
    if (!own) return this.#copy(socket, bytes);
    own.isOpen = false;
    if (isQuick) {
      this.#lend(own, socket);
      own.receivedBytes = bytes.length;
      return own.memory.subarray(0, bytes.length);
    }
    const copy = this.#copy(socket, bytes);
    this.#reuse(own);
    return copy;
  }

  #copy(socket: Socket, bytes: Uint8Array): Buffer {
    const isOwing = this.#debtOf(socket).pieces >= unreturnedLimit;
    if (isOwing || bytes.length < gatheredBytes) return Buffer.copyBytesFrom(bytes);
    const piece = this.#gatheringOf(socket, bytes.length);
    const startBytes = piece.receivedBytes;
    piece.memory.set(bytes, startBytes);
    piece.receivedBytes += bytes.length;
    return piece.memory.subarray(startBytes, piece.receivedBytes);
  }

  #gatheringOf(socket: Socket, sizeBytes: number): Piece {
    const present = this.#gathering.get(socket);
    if (present && present.receivedBytes + sizeBytes <= pieceBytes) return present;
    if (present) {
      present.isOpen = false;
      this.#reuse(present);
    }
    const next = this.#free();
    this.#lend(next, socket);
    this.#gathering.set(socket, next);
    return next;
  }

  #lend(piece: Piece, socket: Socket): void {
    piece.debt = this.#debtOf(socket);
    piece.debt.pieces++;
  }

  #debtOf(socket: Socket): Debt {
    const known = this.#debts.get(socket);
    if (known) return known;
    const debt = { pieces: 0 };
    this.#debts.set(socket, debt);
    return debt;
  }

  #free(): Piece {
    const piece = this.#idle.pop() ?? this.#newPiece();
    piece.isOpen = true;
    return piece;
  }

  #newPiece(): Piece {
    const memory = Buffer.allocUnsafeSlow(pieceBytes);
    const piece = { memory, receivedBytes: 0, givenBackBytes: 0, isOpen: true, debt: null };
    this.#byMemory.set(memory.buffer, piece);
    return piece;
  }

  /** From its start, if nobody can hold anything of it: headers, for one, are never given back. */
  #reuse(piece: Piece): void {
    if (piece.givenBackBytes < piece.receivedBytes) return;
    piece.receivedBytes = 0;
    piece.givenBackBytes = 0;
    if (piece.debt) piece.debt.pieces = 0;
    if (!piece.isOpen && this.#idle.length < idleLimit) this.#idle.push(piece);
  }
}
