import { curlPull } from "./curl.ts";
import { flushDisk } from "./flush-disk.ts";
import type { PlacedBlob } from "./origin.ts";
import { primeMemory } from "./prime-memory.ts";
import type { Bench } from "./question.ts";

/** Makes what a cold pull of `blob` meets the same for whoever comes next: the origin's disk, ours, and memory. */
export async function levelGround(bench: Bench, blob: PlacedBlob): Promise<void> {
  await readOrigin(bench, blob);
  await flushDisk(bench.lab);
  // Half as much again as the blob takes: buffers are memory, too.
  await primeMemory(bench.lab, blob.sizeBytes * 1.5);
}

/** Has the origin read its file, so that nobody waits for its disk. */
async function readOrigin({ origin, lab }: Bench, { path, sizeBytes }: PlacedBlob): Promise<void> {
  await curlPull({ url: origin.url + path, sizeBytes, times: 1, signal: lab.signal });
}
