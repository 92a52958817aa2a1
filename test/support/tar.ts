import { gzipSync, zstdCompressSync } from "node:zlib";

export interface TarFile {
  readonly path: string;
  readonly bytes: Buffer;
  /** Permission bits; 0o644 where nothing is said. */
  readonly mode?: number;
}

const blockBytes = 512;

/** A tar archive (POSIX ustar) of regular files that belong to root and are from 1970: equal input, equal bytes. */
export function tarOf(files: readonly TarFile[]): Buffer {
  const end = Buffer.alloc(2 * blockBytes);
  return Buffer.concat([...files.flatMap((file) => [headerOf(file), padded(file.bytes)]), end]);
}

/**
 * Gzip without compression: the same bytes from every version of zlib, at the speed of copying. Node writes
 * 0 as the time.
 */
export function gzipOf(bytes: Buffer): Buffer {
  return gzipSync(bytes, { level: 0 });
}

/** One zstd frame; the bytes may differ from one version of the library to another. */
export function zstdOf(bytes: Buffer): Buffer {
  return zstdCompressSync(bytes);
}

// The fields of a ustar header and where they begin: POSIX.1-2017, pax, "ustar Interchange Format".
function headerOf({ path, bytes, mode = 0o644 }: TarFile): Buffer {
  const header = Buffer.alloc(blockBytes);
  header.write(path, 0, 100, "utf8");
  header.write(octal(mode, 7), 100);
  header.write(octal(0, 7), 108); // owner
  header.write(octal(0, 7), 116); // group
  header.write(octal(bytes.length, 11), 124);
  header.write(octal(0, 11), 136); // time
  header.write("        ", 148); // the checksum counts itself as eight spaces
  header.write("0", 156); // a regular file
  header.write("ustar\x0000", 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}

function padded(bytes: Buffer): Buffer {
  const rest = bytes.length % blockBytes;
  return rest === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(blockBytes - rest)]);
}
