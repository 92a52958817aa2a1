import type { ChoosingThreadData } from "./choosing-thread.ts";
import { EvictionOutlooks } from "./eviction-outlooks.ts";

/** What is aimed at, and how many blobs go for that. */
export interface Aim extends ChoosingThreadData {
  readonly victims: number;
}

/** The aim for which somewhat more than `victims` go: blobs are of all sizes, so it is found by trying. */
export async function aimFor(
  controlSocket: string,
  { victims, blobs }: { readonly victims: number; readonly blobs: number },
  signal: AbortSignal,
): Promise<number> {
  using outlooks = new EvictionOutlooks(controlSocket);
  let share = (1.25 * victims) / blobs;
  for (let tries = 0; tries < 10; tries += 1) {
    const { usedBytes } = await outlooks.ask(null, signal);
    const toBytes = Math.floor(usedBytes * (1 - share));
    const { objects } = await outlooks.ask(toBytes, signal);
    if (isEnough(objects, victims)) return toBytes;
    share *= (1.25 * victims) / Math.max(1, objects);
  }
  throw new Error(`no aim was found for which ${victims} blobs go`);
}

function isEnough(objects: number, victims: number): boolean {
  return objects >= victims && objects < 1.5 * victims;
}

/** How long it takes to be told, through the control socket, what of so many blobs would go; in ms. */
export async function chooseVictims(
  { controlSocket, toBytes, victims }: Aim,
  signal: AbortSignal,
): Promise<number> {
  using outlooks = new EvictionOutlooks(controlSocket);
  const startMs = performance.now();
  const plan = await outlooks.ask(toBytes, signal);
  const chosenMs = performance.now() - startMs;
  if (isEnough(plan.objects, victims)) return chosenMs;
  throw new Error(`something else was chosen: ${JSON.stringify(plan).slice(0, 200)}`);
}
