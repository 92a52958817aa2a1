import { createHash, type Hash } from "node:crypto";
import { readSync } from "node:fs";
import { type MessagePort, parentPort } from "node:worker_threads";

/** The next part of a file, up to `endBytes`, and what is wanted then. */
export interface HashedPart {
  readonly id: number;
  readonly wanted: "more" | "digest";
  readonly algorithm: string;
  /** Open for reading; threads share descriptors. */
  readonly fd: number;
  readonly endBytes: number;
}

/** "nothing": the file is given up, and there is no answer. */
export type HashWork = HashedPart | { readonly id: number; readonly wanted: "nothing" };

/** One for each part, in the order in which they were asked for. */
export type HashAnswer = { readonly hex: string | null } | { readonly failure: string };

interface Hashed {
  readonly hash: Hash;
  bytes: number;
}

// More at a time is not quicker.
const stepBytes = 512 * 1024;

if (parentPort) serve(parentPort);

function serve(port: MessagePort): void {
  const files = new Map<number, Hashed>();
  const buffer = Buffer.allocUnsafeSlow(stepBytes);
  port.on("message", (work: HashWork) => {
    if (work.wanted === "nothing") files.delete(work.id);
    else port.postMessage(answerTo(work, files, buffer));
  });
}

function answerTo(work: HashedPart, files: Map<number, Hashed>, buffer: Buffer): HashAnswer {
  const file = files.get(work.id) ?? { hash: createHash(work.algorithm), bytes: 0 };
  files.set(work.id, file);
  try {
    readTo(file, work, buffer);
  } catch (error) {
    return { failure: String(error) };
  }
  if (work.wanted === "more") return { hex: null };
  files.delete(work.id);
  return { hex: file.hash.digest("hex") };
}

/** After a failure the next call goes on from there. */
function readTo(file: Hashed, { fd, endBytes }: HashedPart, buffer: Buffer): void {
  while (file.bytes < endBytes) {
    const wantedBytes = Math.min(buffer.length, endBytes - file.bytes);
    const bytes = readSync(fd, buffer, 0, wantedBytes, file.bytes);
    if (bytes === 0) throw new Error("the file is shorter than what was written");
    file.hash.update(buffer.subarray(0, bytes));
    file.bytes += bytes;
  }
}
