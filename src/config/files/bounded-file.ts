import { createReadStream } from "node:fs";
import { formatBytes } from "../units.ts";

/** `problem` goes on where a sentence began with the file's name. */
export type BoundedFile =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "missing"; readonly problem: string }
  | { readonly kind: "unreadable"; readonly problem: string };

/** Reads a file, a pipe too, if it has at most `limitBytes`. */
export async function readBoundedFile(path: string, limitBytes: number): Promise<BoundedFile> {
  try {
    const chunks: Buffer[] = [];
    // `end` is inclusive: one byte more than allowed is enough to know.
    for await (const chunk of createReadStream(path, { end: limitBytes })) chunks.push(chunk);
    const bytes = Buffer.concat(chunks);
    if (bytes.length <= limitBytes) return { kind: "text", text: bytes.toString("utf8") };
    const limit = formatBytes(limitBytes);
    return { kind: "unreadable", problem: `is larger than ${limit}, the most that is read` };
  } catch (error) {
    return whyUnreadable(error);
  }
}

function whyUnreadable(error: unknown): BoundedFile {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  if (code === "ENOENT" || code === "ENOTDIR")
    return { kind: "missing", problem: "does not exist" };
  return { kind: "unreadable", problem: problems[code] ?? `cannot be read: ${String(error)}` };
}

const problems: Readonly<Record<string, string>> = {
  EACCES: "cannot be read: permission denied",
  EISDIR: "is a directory, not a file",
  ELOOP: "cannot be read: its path leads through symbolic links in a circle",
};
