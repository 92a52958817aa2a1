import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { chooseVictims } from "./choose-victims.ts";
import type { VictimRequest } from "./eviction.ts";

/** What the thread is started with. */
export interface VictimThreadData {
  /** Of the catalog. */
  readonly path: string;
  readonly request: VictimRequest;
}

// A thread of its own, for no pull may wait for a walk through the catalog. It answers once and ends.
if (parentPort) {
  const { path, request } = workerData as VictimThreadData;
  const database = new Database(path, { readonly: true, timeout: 5_000 });
  try {
    parentPort.postMessage(chooseVictims(database, request));
  } finally {
    database.close();
  }
}
