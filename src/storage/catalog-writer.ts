import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import type { CatalogWrite, FromWriter, ToWriter, WriteFailure } from "./catalog-write.ts";
import { codeOf } from "./storage-error.ts";
import { WriteStatements } from "./write-statements.ts";

// A foreign process that writes (an operator's sqlite3) is waited for. Longer would only make the writes
// behind fail as well.
const busyTimeoutMs = 5000;

// The log grows beyond this only while somebody reads an old snapshot; then it shrinks again.
const logLimitBytes = 64 * 1024 * 1024;

// A step of a backup takes some milliseconds for these (1 MiB), then it is the turn of the writes that came. It is made
// here because SQLite begins a copy anew whenever another connection than the copying one has written.
const backupStepPages = 256;

// The thread that writes the catalog: its own, because a commit or checkpoint may wait for the disk.
// `workerData` is the path of a prepared catalog file.
if (parentPort) serve(parentPort, String(workerData));

function serve(port: MessagePort, path: string): void {
  const database = openForWriting(path);
  const statements = new WriteStatements(database);
  const writeAll = database.transaction((writes: readonly CatalogWrite[]) => {
    for (const write of writes) statements.apply(write);
  }).immediate;

  port.on("message", (message: ToWriter) => {
    switch (message.kind) {
      case "write":
        answer(port, { kind: "written", failures: writeTogether(writeAll, message.writes) });
        break;
      case "back-up":
        database.backup(message.path, { progress: () => backupStepPages }).then(
          () => answer(port, { kind: "backed-up", failure: null }),
          (error) => answer(port, { kind: "backed-up", failure: failureOf(error) }),
        );
        break;
      case "close":
        database.pragma("wal_checkpoint(TRUNCATE)");
        database.close();
        port.close();
    }
  });
  answer(port, { kind: "ready" });
}

function openForWriting(path: string): Database.Database {
  const database = new Database(path, { fileMustExist: true, timeout: busyTimeoutMs });
  // A power cut may take the last writes, which a cache can lose, but never tears the file; FULL would
  // cost a disk flush for every transaction.
  database.pragma("synchronous = NORMAL");
  database.pragma("foreign_keys = ON");
  database.pragma(`journal_size_limit = ${logLimitBytes}`);
  return database;
}

/** Writes all in one transaction or, if one of them fails, each in its own, so that only that one is lost. */
function writeTogether(
  writeAll: (writes: readonly CatalogWrite[]) => void,
  writes: readonly CatalogWrite[],
): (WriteFailure | null)[] {
  try {
    writeAll(writes);
    return writes.map(() => null);
  } catch (error) {
    const failure = failureOf(error);
    // Busy is nobody's fault, and to wait again for each of them would take minutes.
    if (writes.length > 1 && failure.code !== "SQLITE_BUSY") {
      return writes.flatMap((write) => writeTogether(writeAll, [write]));
    }
    return writes.map(() => failure);
  }
}

function failureOf(error: unknown): WriteFailure {
  return {
    code: codeOf(error) ?? "UNKNOWN",
    message: error instanceof Error ? error.message : String(error),
  };
}

function answer(port: MessagePort, message: FromWriter): void {
  port.postMessage(message);
}
