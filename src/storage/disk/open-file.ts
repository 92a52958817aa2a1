import * as fs from "node:fs";
import { promisify } from "node:util";
import { codeOf } from "../storage-error.ts";

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = fs.constants;

// The callback functions are what is quick: FileHandle costs some objects more for each read.
const open = promisify(fs.open);
const close = promisify(fs.close);
const fstat = promisify(fs.fstat);
const writev = promisify(fs.writev);
const fdatasync = promisify(fs.fdatasync);

// Larger writes get larger pages from the kernel, at 2 MiB such as a virtual machine has given back to its host: to touch those again
// cost up to 0.7 s of CPU time a GB more, on some runs and not on others. Smaller ones cost more calls.
const writtenAtOnceBytes = 1024 * 1024;

/**
 * An open regular file. Disposing waits for the operations that are running, because the kernel gives
 * a closed descriptor's number to the next file that is opened: a late read would get foreign bytes.
 */
export class OpenFile implements AsyncDisposable {
  readonly #fd: number;
  #running = 0;
  #closing: PromiseWithResolvers<void> | null = null;

  private constructor(fd: number) {
    this.#fd = fd;
  }

  /** Opens for reading; resolves to it and its status, or to null if no regular file is there: a symbolic link is none. */
  static async read(
    path: string,
  ): Promise<{ readonly file: OpenFile; readonly status: fs.BigIntStats } | null> {
    await using stack = new AsyncDisposableStack();
    const fd = await openExisting(path);
    if (fd === null) return null;
    const file = stack.use(new OpenFile(fd));
    // What is open is in the kernel's memory: a thread would only be woken for it.
    const status = fs.fstatSync(fd, { bigint: true });
    if (!status.isFile()) return null;
    stack.move();
    return { file, status };
  }

  /** Creates for reading and writing, private to this user. */
  static async create(path: string): Promise<OpenFile> {
    return new OpenFile(await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600));
  }

  /** Reads `lengthBytes` to the start of `target`, fewer only at the end of the file; resolves to their number. */
  read(target: Uint8Array, positionBytes: number, lengthBytes: number): Promise<number> {
    if (this.#closing) return Promise.reject(new Error("the file was read after it was closed"));
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, target, 0, lengthBytes, positionBytes, (error, bytesRead) => {
        if (error) reject(error);
        else if (bytesRead === lengthBytes || bytesRead === 0) resolve(bytesRead);
        else
          resolve(
            this.#readRest(target.subarray(bytesRead, lengthBytes), positionBytes, bytesRead),
          );
        this.#release();
      });
      this.#running += 1;
    });
  }

  /** Writes all of `chunks` from `positionBytes` on. */
  write(chunks: readonly Uint8Array[], positionBytes: number): Promise<void> {
    return this.#hold(() => this.#writeAll(chunks, positionBytes));
  }

  /** Makes the content durable. After a rejection nothing may be assumed of it, whatever a second call says. */
  sync(): Promise<void> {
    return this.#hold(() => fdatasync(this.#fd));
  }

  /** Has the descriptor used, which stays open until that has ended. */
  lend<T>(use: (fd: number) => Promise<T>): Promise<T> {
    return this.#hold(() => use(this.#fd));
  }

  status(): Promise<fs.BigIntStats> {
    return this.#hold(() => fstat(this.#fd, { bigint: true }));
  }

  /** Never rejects: the kernel releases the descriptor even where closing reports an error. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closing) {
      this.#closing = Promise.withResolvers();
      this.#closeWhenIdle();
    }
    await this.#closing.promise;
  }

  async #readRest(target: Uint8Array, positionBytes: number, doneBytes: number): Promise<number> {
    return doneBytes + (await this.read(target, positionBytes + doneBytes, target.length));
  }

  async #writeAll(chunks: readonly Uint8Array[], positionBytes: number): Promise<void> {
    let rest = chunks.filter((chunk) => chunk.length > 0);
    let position = positionBytes;
    while (rest.length > 0) {
      const { bytesWritten } = await writev(this.#fd, atOnce(rest), position);
      if (bytesWritten === 0) throw new Error("the file takes no more bytes");
      position += bytesWritten;
      rest = without(rest, bytesWritten);
    }
  }

  async #hold<T>(operation: () => Promise<T>): Promise<T> {
    if (this.#closing) throw new Error("the file was used after it was closed");
    this.#running += 1;
    try {
      return await operation();
    } finally {
      this.#release();
    }
  }

  #release(): void {
    this.#running -= 1;
    this.#closeWhenIdle();
  }

  #closeWhenIdle(): void {
    const { resolve } = this.#closing ?? {};
    if (resolve && this.#running === 0) close(this.#fd).then(resolve, resolve);
  }
}

// What O_NOFOLLOW says of a symbolic link and open(2) of a socket: both are no file of ours.
const absent: readonly (string | null)[] = ["ENOENT", "ELOOP", "ENXIO"];

async function openExisting(path: string): Promise<number | null> {
  try {
    // O_NONBLOCK: opening a FIFO would otherwise wait for its writer. It means nothing to a regular file.
    return await open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    if (absent.includes(codeOf(error))) return null;
    throw error;
  }
}

/** The first of `chunks`, as many as are written at once, but one at least. */
function atOnce(chunks: readonly Uint8Array[]): readonly Uint8Array[] {
  let sizeBytes = 0;
  const end = chunks.findIndex(({ length }) => {
    sizeBytes += length;
    return sizeBytes > writtenAtOnceBytes;
  });
  return end < 0 ? chunks : chunks.slice(0, Math.max(1, end));
}

/** What of `chunks` follows their first `bytes`. */
function without(chunks: readonly Uint8Array[], bytes: number): Uint8Array[] {
  let skip = bytes;
  return chunks.flatMap((chunk) => {
    const rest = chunk.subarray(Math.min(skip, chunk.length));
    skip -= chunk.length - rest.length;
    return rest.length > 0 ? [rest] : [];
  });
}
