import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

/** `pid` and everything it started that still lives. */
export async function treeOf(pid: number): Promise<readonly number[]> {
  const processes = await listProcesses();
  const tree = [pid];
  for (const ancestor of tree) {
    tree.push(...processes.filter((p) => p.parentPid === ancestor).map((p) => p.pid));
  }
  return tree;
}

/**
 * CPU seconds, user and system, that `pid`, its living children and the children it has already
 * waited for have used, all threads included. Counted by the kernel in ticks of 10 ms.
 */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const tree = new Set(await treeOf(pid));
  const processes = await listProcesses();
  const ticks = processes.filter((p) => tree.has(p.pid)).map((p) => p.cpuTicks);
  return ticks.reduce((sum, each) => sum + each, 0) / ticksPerSecond;
}

/** Bytes that `pid` alone has written so far, to files and to sockets, by whichever system call: `wchar` of proc_pid_io(5). */
export async function writtenBytesOf(pid: number): Promise<number> {
  const text = await readFile(`/proc/${pid}/io`, "utf8");
  const bytes = /^wchar: (\d+)$/m.exec(text)?.[1];
  if (bytes === undefined) throw new Error(`what process ${pid} has written is not counted here`);
  return Number(bytes);
}

/** Waits until `pid` and its children use next to no CPU; half a minute at most. */
export async function idle(pid: number): Promise<void> {
  const untilMs = Date.now() + 30_000;
  let used = Number.POSITIVE_INFINITY;
  while (used > 1.5 / ticksPerSecond && Date.now() < untilMs) {
    const before = await cpuSecondsOf(pid);
    await sleep(300);
    used = (await cpuSecondsOf(pid)) - before;
  }
}

// USER_HZ is 100 on every architecture we run on, whatever the kernel's own tick is.
const ticksPerSecond = 100;

interface ProcessStat {
  readonly pid: number;
  readonly parentPid: number;
  readonly cpuTicks: number;
}

async function listProcesses(): Promise<readonly ProcessStat[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map(readStat));
  return stats.filter((stat) => stat !== null);
}

async function readStat(pid: string): Promise<ProcessStat | null> {
  // A process may end between the listing and here; that is no error.
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (text === null) return null;
  // The name in parentheses may hold blanks and parentheses, so count fields from the last one.
  // proc_pid_stat(5): then come state, ppid, …, and as 12th to 15th utime, stime, cutime, cstime.
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  const ticks = fields.slice(11, 15).map(Number);
  return {
    pid: Number(pid),
    parentPid: Number(fields[1]),
    cpuTicks: ticks.reduce((sum, each) => sum + each, 0),
  };
}
