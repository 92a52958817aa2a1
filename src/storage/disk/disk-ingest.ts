import type { Hash } from "node:crypto";
import { algorithmOf, type Digest, hexOf } from "../../oci/digest.ts";
import { DigestMismatch, type Ingest } from "../blob-store.ts";
import type { ContentHash } from "./content-hash.ts";
import { identityOf } from "./disk-identity.ts";
import type { OpenFile } from "./open-file.ts";

/** The words in -ing last while their call runs; `lost` is where any failure ends. */
type State = "open" | "appending" | "verifying" | "verified" | "committing" | "committed" | "lost";

export interface DiskIngestOptions {
  readonly digest: Digest;
  /** An empty file; the ingest disposes of it. */
  readonly file: OpenFile;
  /** Of what is in the file; the ingest disposes of it. */
  readonly hash: ContentHash;
  /** Disposed when the file is closed. */
  readonly entered: Disposable;
  /** Runs what makes content durable when it is its turn. */
  readonly inTurn: <T>(sync: () => Promise<T>) => Promise<T>;
  /** Moves the file, durable by now, to where `BlobStore.open` finds it. */
  readonly place: () => Promise<void>;
  /** Takes the file's name away; what fails is tried again by others. */
  readonly remove: () => Promise<void>;
}

/** Content arriving in a file of `ingest/`. */
export class DiskIngest implements Ingest {
  readonly #digest: Digest;
  readonly #file: OpenFile;
  readonly #entered: Disposable;
  readonly #inTurn: DiskIngestOptions["inTurn"];
  readonly #place: () => Promise<void>;
  readonly #remove: () => Promise<void>;
  readonly #hash: ContentHash;
  #writtenBytes = 0;
  #state: State = "open";

  constructor(options: DiskIngestOptions) {
    this.#digest = options.digest;
    this.#file = options.file;
    this.#entered = options.entered;
    this.#inTurn = options.inTurn;
    this.#place = options.place;
    this.#remove = options.remove;
    this.#hash = options.hash;
  }

  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    this.#advance("open", "appending");
    const written = this.#file.write(chunks, this.#writtenBytes);
    await this.#orLost(this.#hash.add(chunks, written));
    this.#writtenBytes += chunks.reduce((bytes, chunk) => bytes + chunk.length, 0);
    this.#advance("appending", "open");
  }

  hashCopy(): Promise<Hash> {
    return this.#hash.copy();
  }

  read(target: Uint8Array, positionBytes: number): Promise<number> {
    // Bytes behind this may be on the disk already, half of an append that can still fail.
    const lengthBytes = Math.min(target.length, this.#writtenBytes - positionBytes);
    if (lengthBytes <= 0) return Promise.resolve(0);
    return this.#file.read(target, positionBytes, lengthBytes);
  }

  async verify(): Promise<void> {
    this.#advance("open", "verifying");
    const hex = await this.#orLost(this.#hash.hex());
    if (hex !== hexOf(this.#digest)) {
      this.#state = "lost";
      throw new DigestMismatch(this.#digest, `${algorithmOf(this.#digest)}:${hex}` as Digest);
    }
    this.#advance("verifying", "verified");
  }

  async commit(): Promise<string> {
    this.#advance("verified", "committing");
    // After a failed fdatasync the kernel may have dropped the bytes and report success the next time, so
    // there is no second try.
    await this.#orLost(this.#inTurn(() => this.#file.sync()));
    await this.#orLost(this.#place());
    this.#advance("committing", "committed");
    // The content is visible now and nothing takes that back. An identity that never matches makes the
    // next reader hash it once more.
    return this.#file.status().then(identityOf, () => "unknown");
  }

  /** Never rejects: what cannot be removed now is left to a sweep. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#state !== "committed") await this.#remove().catch(() => {});
    this.#hash[Symbol.dispose]();
    await this.#file[Symbol.asyncDispose]();
    this.#entered[Symbol.dispose]();
  }

  #advance(from: State, to: State): void {
    if (this.#state !== from) throw new Error(`an ingest cannot go from ${this.#state} to ${to}`);
    this.#state = to;
  }

  async #orLost<T>(step: Promise<T>): Promise<T> {
    try {
      return await step;
    } catch (error) {
      this.#state = "lost";
      throw error;
    }
  }
}
