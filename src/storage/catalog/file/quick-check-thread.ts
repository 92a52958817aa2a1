import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { isCorruption } from "../../storage-error.ts";
import { goBehindPulls } from "../thread-priority.ts";

if (parentPort) goBehindPulls();
parentPort?.postMessage(quickCheck(String(workerData)));

function quickCheck(path: string): string {
  using stack = new DisposableStack();
  try {
    const options = { readonly: true, fileMustExist: true };
    const database = stack.adopt(new Database(path, options), (it) => it.close());
    return String(database.pragma("quick_check(1)", { simple: true }));
  } catch (error) {
    if (isCorruption(error) && error instanceof Error) return error.message;
    throw error;
  }
}
