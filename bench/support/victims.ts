import type { ChoosingThreadData } from "./choosing-thread.ts";
import { orderEviction } from "./order-eviction.ts";

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
  let share = (1.25 * victims) / blobs;
  for (let tries = 0; tries < 10; tries += 1) {
    const { usedBytes } = await orderEviction(controlSocket, { ...dryRun, toBytes: null }, signal);
    const toBytes = Math.floor(usedBytes * (1 - share));
    const plan = await orderEviction(controlSocket, { ...dryRun, toBytes }, signal);
    if (plan.dryRun && isEnough(plan.objects, victims)) return toBytes;
    share *= plan.dryRun ? (1.25 * victims) / Math.max(1, plan.objects) : 1;
  }
  throw new Error(`no aim was found for which ${victims} blobs go`);
}

const dryRun = { dryRun: true, limit: 20 } as const;

function isEnough(objects: number, victims: number): boolean {
  return objects >= victims && objects < 1.5 * victims;
}

/** How long it takes to be told, through the control socket, what of so many blobs would go; in ms. */
export async function chooseVictims(
  { controlSocket, toBytes, victims }: Aim,
  signal: AbortSignal,
): Promise<number> {
  const startMs = performance.now();
  const plan = await orderEviction(controlSocket, { ...dryRun, toBytes }, signal);
  const chosenMs = performance.now() - startMs;
  if (plan.dryRun && isEnough(plan.objects, victims)) return chosenMs;
  throw new Error(`something else was chosen: ${JSON.stringify(plan).slice(0, 200)}`);
}
