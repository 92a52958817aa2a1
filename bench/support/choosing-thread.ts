import { constants, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { EvictionOutlooks } from "./eviction-outlooks.ts";

export interface ChoosingThreadData {
  readonly controlSocket: string;
  /** What is aimed at. */
  readonly toBytes: number;
}

// Asks again and again what would go, until it is sent a message; then tells how long each answer took, in ms. A thread of
// its own, so that hits are timed by one that does nothing else, and behind that where both want a core.
if (parentPort) {
  setPriority(constants.priority.PRIORITY_BELOW_NORMAL);
  const { controlSocket, toBytes } = workerData as ChoosingThreadData;
  using outlooks = new EvictionOutlooks(controlSocket);
  let isOver = false;
  parentPort.once("message", () => {
    isOver = true;
  });
  const tookMs: number[] = [];
  while (!isOver) {
    const startMs = performance.now();
    await outlooks.ask(toBytes, AbortSignal.timeout(60_000));
    tookMs.push(performance.now() - startMs);
  }
  parentPort.postMessage(tookMs);
}
