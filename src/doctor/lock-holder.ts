import { readFile, stat } from "node:fs/promises";

/** The process that has a lock on a file, by its id; null if none has, or the kernel does not tell. */
export async function lockHolder(path: string): Promise<number | null> {
  const status = await stat(path).catch(() => null);
  // Where there is no such file there are no such locks to be seen: no Linux.
  const locks = await readFile("/proc/locks", "utf8").catch(() => "");
  if (!status) return null;
  for (const line of locks.split("\n")) {
    // proc(5): `1: POSIX  ADVISORY  WRITE 568 fd:00:2531452 1073741824 1073742335`. Waiting ones have an arrow.
    const [, pid, inode] = /^\d+: (?:POSIX|OFDLCK) .* (-?\d+) \S+:(\d+) \d+ \S+$/.exec(line) ?? [];
    if (inode === String(status.ino)) return Number(pid);
  }
  return null;
}
