import { once } from "node:events";
import { Worker } from "node:worker_threads";
import Database from "better-sqlite3";
import { isCorruption } from "../../storage-error.ts";

/**
 * Whether the database at `path`, which nobody else may have open, is whole: SQLite reads all of it, some seconds for
 * a million blobs. Leaves it a single file, without a log beside it. Throws SqliteError if it cannot be read.
 */
export function isWhole(path: string): boolean {
  using stack = new DisposableStack();
  try {
    const database = stack.adopt(new Database(path, { fileMustExist: true }), (it) => it.close());
    database.pragma("journal_mode = DELETE");
    return database.pragma("quick_check(1)", { simple: true }) === "ok";
  } catch (error) {
    if (isCorruption(error)) return false;
    throw error;
  }
}

/** The same in a thread of its own. Aborting `signal` rejects and ends the thread. */
export async function isWholeInThread(path: string, signal: AbortSignal): Promise<boolean> {
  await using stack = new AsyncDisposableStack();
  const worker = new Worker(new URL("./whole-database-thread.ts", import.meta.url), {
    workerData: path,
  });
  stack.defer(async () => void (await worker.terminate()));
  const [whole] = await once(worker, "message", { signal });
  return whole === true;
}
