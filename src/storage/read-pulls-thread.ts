import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { readPulls } from "./read-pulls.ts";

/** What the thread is started with. */
export interface ReadPullsThreadData {
  /** Of the catalog. */
  readonly path: string;
  readonly sinceMs: number;
}

// A thread of its own, for a million pulls take a second. It answers once and ends.
if (parentPort) {
  const { path, sinceMs } = workerData as ReadPullsThreadData;
  const database = new Database(path, { readonly: true, timeout: 5_000 });
  try {
    const logged = readPulls(database, sinceMs);
    const { atMs, images, members, memberEnds } = logged;
    parentPort.postMessage(
      logged,
      [atMs, images, members, memberEnds].map(({ buffer }) => buffer),
    );
  } finally {
    database.close();
  }
}
