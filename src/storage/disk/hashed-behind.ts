import { createHash, type Hash } from "node:crypto";
import type { DigestAlgorithm } from "../../oci/digest.ts";
import type { ContentHash } from "./content-hash.ts";
import type { FileHasher, FileHashing } from "./file-hasher.ts";
import type { OpenFile } from "./open-file.ts";

// What is told of at once: what a quick fill writes at once. A message costs some 20 us on either side, and the thread hashes
// this in 1.2 ms.
const stepBytes = 2 * 1024 * 1024;

// The writer waits for the thread when it has been told so often and is not done: what is read behind the writer is still in
// the processor's cache or at least in memory, and at the end nobody waits long.
const toldLimit = 4;

/**
 * By a thread that reads the file behind its writer. If that thread dies, all is read and hashed once more, on the calling
 * one: nothing depends on it but speed.
 */
export class HashedBehind implements ContentHash {
  readonly #file: OpenFile;
  readonly #algorithm: DigestAlgorithm;
  readonly #hashing: FileHashing;
  // What was told, in its order; they never reject.
  readonly #told: Promise<unknown>[] = [];
  #addedBytes = 0;
  #toldBytes = 0;

  constructor(file: OpenFile, algorithm: DigestAlgorithm, hasher: FileHasher) {
    this.#file = file;
    this.#algorithm = algorithm;
    this.#hashing = hasher.begin(algorithm);
  }

  async add(chunks: readonly Uint8Array[], written: Promise<void>): Promise<void> {
    await written;
    this.#addedBytes += chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);
    if (this.#addedBytes - this.#toldBytes < stepBytes) return;
    this.#toldBytes = this.#addedBytes;
    this.#told.push(this.#read("more").catch(() => {}));
    if (this.#told.length > toldLimit) await this.#told.shift();
  }

  /** Reads the file: what is needed of it is not worth that a thread gives its hash away. */
  async copy(): Promise<Hash> {
    const hash = createHash(this.#algorithm);
    const buffer = Buffer.allocUnsafeSlow(stepBytes);
    for (let atBytes = 0; atBytes < this.#addedBytes; ) {
      const wantedBytes = Math.min(stepBytes, this.#addedBytes - atBytes);
      const bytes = await this.#file.read(buffer, atBytes, wantedBytes);
      if (bytes === 0) throw new Error("the file is shorter than what was written");
      hash.update(buffer.subarray(0, bytes));
      atBytes += bytes;
    }
    return hash;
  }

  async hex(): Promise<string> {
    const hex = await this.#read("digest").catch(() => null);
    return hex ?? (await this.copy()).digest("hex");
  }

  [Symbol.dispose](): void {
    this.#hashing[Symbol.dispose]();
  }

  /** The descriptor stays open until the thread is done with it: another file's would get its number. */
  #read(wanted: "more" | "digest"): Promise<string | null> {
    return this.#file.lend((fd) => this.#hashing.read({ fd, endBytes: this.#addedBytes, wanted }));
  }
}
