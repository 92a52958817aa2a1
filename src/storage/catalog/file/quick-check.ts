import { once } from "node:events";
import { Worker } from "node:worker_threads";

/**
 * What SQLite finds wrong with the database at `path`, which others may be using; null if nothing. Reads all of it, on a
 * thread of its own. Rejects with SqliteError if it cannot be opened.
 */
export async function whatIsDamaged(path: string): Promise<string | null> {
  const thread = new URL("./quick-check-thread.ts", import.meta.url);
  const [found] = await once(new Worker(thread, { workerData: path }), "message");
  return found === "ok" ? null : String(found);
}
