import { readFile, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { treeOf } from "./process-tree.ts";
import { median } from "./statistics.ts";

export interface Resident {
  /** VmHWM, since the watch began. */
  readonly peakBytes: number;
  /** VmRSS, the median over the second half of the watch. */
  readonly steadyBytes: number;
}

/**
 * Watches the memory of `pid` and its children while `work` runs. What processes share counts for each of them, which
 * makes nginx's workers look larger than they are; socket buffers are the kernel's and count for nobody.
 */
export async function watchResident(pid: number, work: () => Promise<unknown>): Promise<Resident> {
  const pids = await treeOf(pid);
  // proc_pid_clear_refs(5): what was needed to get to this point is not in the peak.
  for (const each of pids) await writeFile(`/proc/${each}/clear_refs`, "5");
  const samples: number[] = [];
  const ended = new AbortController();
  const watching = (async () => {
    while (!ended.signal.aborted) {
      samples.push(await sumOf(pids, "VmRSS"));
      await sleep(50);
    }
  })();
  await work().finally(() => ended.abort());
  await watching;
  const secondHalf = samples.slice(Math.floor(samples.length / 2));
  return { peakBytes: await sumOf(pids, "VmHWM"), steadyBytes: median(secondHalf) };
}

async function sumOf(pids: readonly number[], field: "VmRSS" | "VmHWM"): Promise<number> {
  const sizes = await Promise.all(pids.map((pid) => read(pid, field)));
  return sizes.reduce((sum, each) => sum + each, 0);
}

async function read(pid: number, field: string): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${field}:\\s*(\\d+) kB`, "m").exec(status)?.[1];
  if (kibibytes === undefined) throw new Error(`process ${pid} has no ${field}: it has ended`);
  return Number(kibibytes) * 1_024;
}
