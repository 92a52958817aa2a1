import type { ByteRange } from "../../src/oci/byte-range.ts";
import type { Answerer, UpstreamBlob } from "../../src/upstream/answers.ts";
import type { Batch } from "../../src/upstream/exchange/batch.ts";
import type { Whence } from "../../src/upstream/part-of-blob.ts";

/** What becomes of one part that is asked for. */
export interface PartFate {
  /** After how many bytes it breaks off; null: it does not. */
  readonly brokenAt: number | null;
  readonly answer: "part" | "none" | "refused";
  /** In how many bytes at a time it comes. */
  readonly pieceBytes: number;
}

export const wholePart: PartFate = { brokenAt: null, answer: "part", pieceBytes: 7 };

export const nobody: Answerer = { noteFailure: () => {}, noteWrongBytes: () => {} };

export const nowhere: Whence = { answerer: nobody, hop: null, etag: null };

/** A copy, of which nothing is left when it is disposed of. */
export function batchOf(bytes: Buffer): Batch {
  const chunk = Buffer.from(bytes);
  return { chunks: [chunk], sizeBytes: chunk.length, [Symbol.dispose]: () => void chunk.fill(0) };
}

export interface PartSenderOptions {
  readonly content: Buffer;
  /** What becomes of the parts, in the order in which they are asked for; behind the last each is whole. */
  readonly fates: readonly PartFate[];
  /** Waited for before each thing that an upstream would take its time for. */
  readonly turn: (what: string) => Promise<void>;
}

/** Sends parts of a blob, or breaks off, as it was told. */
export class PartSender {
  readonly asked: ByteRange[] = [];
  /** Parts that were asked for and have not ended, and the most that there were at once. */
  running = 0;
  mostRunning = 0;
  readonly #options: PartSenderOptions;

  constructor(options: PartSenderOptions) {
    this.#options = options;
  }

  async send(range: ByteRange): Promise<UpstreamBlob | null> {
    const { fates, turn } = this.#options;
    const fate = fates[this.asked.length] ?? wholePart;
    this.asked.push(range);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    await turn(`answer ${range.first}`);
    if (fate.answer === "part") return this.#body(range, fate);
    this.running--;
    if (fate.answer === "none") return null;
    throw new Error("refused");
  }

  #body(range: ByteRange, { brokenAt, pieceBytes }: PartFate): UpstreamBlob {
    const { content, turn } = this.#options;
    const endBytes = Math.min(range.last + 1, range.first + (brokenAt ?? content.length));
    const isBroken = endBytes <= range.last;
    let at = range.first;
    let isOver = false;
    const over = (): void => {
      if (!isOver) this.running--;
      isOver = true;
    };
    const next = async (): Promise<Batch | null> => {
      await turn(`body at ${at}`);
      if (isOver || at === endBytes) {
        over();
        if (isBroken || at < endBytes) throw new Error("broken off");
        return null;
      }
      const piece = content.subarray(at, Math.min(endBytes, at + pieceBytes));
      at += piece.length;
      return batchOf(piece);
    };
    const where = { sizeBytes: content.length, startBytes: range.first, cacheStatus: null };
    return { ...where, answerer: nobody, whence: nowhere, next, drop: over };
  }
}
