import { parentPort, workerData } from "node:worker_threads";
import { goBehindPulls } from "../../storage/catalog/thread-priority.ts";
import type { LoggedPulls } from "../../storage/images/logged-pulls.ts";
import { LoggedAsPulls } from "./logged-as-pulls.ts";
import { type ReplayedCache, replay } from "./replay.ts";

/** What the thread is started with. */
export interface ReplayThreadData {
  readonly logged: LoggedPulls;
  readonly caches: readonly ReplayedCache[];
}

// A thread of its own, for no pull may wait for seconds of computing. It answers once and ends.
if (parentPort) {
  goBehindPulls();
  const { logged, caches } = workerData as ReplayThreadData;
  const pulls = new LoggedAsPulls(logged);
  // One after the other, so that the books of one cache are in memory at a time.
  parentPort.postMessage(caches.flatMap((cache) => replay(pulls, [cache])));
}
