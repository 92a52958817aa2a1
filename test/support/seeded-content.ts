import { createCipheriv, createHash } from "node:crypto";
import { type Digest, type DigestAlgorithm, hexOf } from "../../src/oci/digest.ts";

// What is asked for again and again is kept; a gigabyte is made as it is needed.
const keptLimitBytes = 64 * 1024 * 1024;
const pieceBytes = 256 * 1024;

// Whoever sends such content and whoever reads it are seldom far apart, and take a fraction of a piece at a time.
const keptPieces = 4;

const blockBytes = 16;

/** A stretch of content in which every bit is the other one. */
export interface Change {
  readonly first: number;
  readonly end: number;
}

/**
 * Content of any size that a `seed` decides: equal on every machine, different everywhere, and readable at any
 * position without making what lies before it. The key stream of AES-128-CTR.
 */
export class SeededContent {
  readonly seed: string;
  readonly sizeBytes: number;
  readonly #key: Buffer;
  readonly #change: Change | null;
  readonly #digests = new Map<DigestAlgorithm, Digest>();
  #kept: Buffer | null = null;
  #keeps = true;
  /** Of content that is not kept, what was made last, by number. */
  readonly #pieces = new Map<number, Buffer>();

  constructor(seed: string, sizeBytes: number, change: Change | null = null) {
    this.seed = seed;
    this.sizeBytes = sizeBytes;
    this.#key = createHash("sha256").update(seed).digest().subarray(0, 16);
    this.#change = change;
  }

  /** Content of which there is so much that none of it can be kept in memory. */
  static unkept(seed: string, sizeBytes: number): SeededContent {
    const content = new SeededContent(seed, sizeBytes);
    content.#keeps = false;
    return content;
  }

  /** Content that no seed has made. */
  static of(bytes: Buffer): SeededContent {
    const content = new SeededContent("given", bytes.length);
    content.#kept = bytes;
    return content;
  }

  get digest(): Digest {
    return this.digestBy("sha256");
  }

  digestBy(algorithm: DigestAlgorithm): Digest {
    const known = this.#digests.get(algorithm);
    if (known) return known;
    const hash = createHash(algorithm);
    for (const piece of this.pieces(0, this.sizeBytes)) hash.update(piece);
    const digest = `${algorithm}:${hash.digest("hex")}` as Digest;
    this.#digests.set(algorithm, digest);
    return digest;
  }

  /** The same content but for one stretch. */
  changed(change: Change): SeededContent {
    return new SeededContent(this.seed, this.sizeBytes, change);
  }

  /** The bytes from `first` to before `end`. */
  slice(first: number, end: number): Buffer {
    if (!this.#keeps || this.sizeBytes > keptLimitBytes) return this.#sliceOfPieces(first, end);
    this.#kept ??= this.#make(0, this.sizeBytes);
    return this.#kept.subarray(first, end);
  }

  *pieces(first: number, end: number): Generator<Buffer> {
    for (let at = first; at < end; at += pieceBytes) {
      yield this.slice(at, Math.min(end, at + pieceBytes));
    }
  }

  /** How many of `bytes` are those that stand at `position`. */
  agreement(bytes: Buffer, position: number): number {
    const truth = this.slice(position, Math.min(this.sizeBytes, position + bytes.length));
    const common = bytes.subarray(0, truth.length);
    if (truth.equals(common)) return truth.length;
    return common.findIndex((byte, at) => byte !== truth[at]);
  }

  #sliceOfPieces(first: number, end: number): Buffer {
    const slices: Buffer[] = [];
    for (let at = first; at < end; ) {
      const number = Math.floor(at / pieceBytes);
      const beginning = number * pieceBytes;
      const upTo = Math.min(end, beginning + pieceBytes);
      slices.push(this.#piece(number).subarray(at - beginning, upTo - beginning));
      at = upTo;
    }
    const [only] = slices;
    return only && slices.length === 1 ? only : Buffer.concat(slices);
  }

  #piece(number: number): Buffer {
    const known = this.#pieces.get(number);
    if (known) return known;
    const first = number * pieceBytes;
    const piece = this.#make(first, Math.min(this.sizeBytes, first + pieceBytes));
    this.#pieces.set(number, piece);
    const [oldest] = this.#pieces.keys();
    if (this.#pieces.size > keptPieces && oldest !== undefined) this.#pieces.delete(oldest);
    return piece;
  }

  #make(first: number, end: number): Buffer {
    const counter = Buffer.alloc(blockBytes);
    counter.writeBigUInt64BE(BigInt(Math.floor(first / blockBytes)), 8);
    const skipBytes = first % blockBytes;
    const cipher = createCipheriv("aes-128-ctr", this.#key, counter);
    const made = cipher.update(Buffer.alloc(skipBytes + Math.max(0, end - first)));
    const bytes = made.subarray(skipBytes);
    if (this.#change) invert(bytes, this.#change.first - first, this.#change.end - first);
    return bytes;
  }
}

/** What one sees of a digest where whole ones are too long. */
export function shortOf(digest: Digest): string {
  return hexOf(digest).slice(0, 12);
}

function invert(bytes: Buffer, first: number, end: number): void {
  for (let at = Math.max(0, first); at < Math.min(bytes.length, end); at++) {
    bytes.writeUInt8(bytes.readUInt8(at) ^ 0xff, at);
  }
}
