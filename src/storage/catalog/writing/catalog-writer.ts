import { statSync } from "node:fs";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { codeOf } from "../../storage-error.ts";
import type {
  CatalogWrite,
  FromWriter,
  LogLength,
  ToWriter,
  WriteFailure,
} from "./catalog-write.ts";
import { WriteStatements } from "./write-statements.ts";

// A foreign process that writes (an operator's sqlite3) is waited for. Longer would only make the writes
// behind fail as well.
const busyTimeoutMs = 5000;

// SQLite's log grows beyond a tenth of this only while somebody reads an old state of the catalog: what is behind that
// cannot be let go of. From the first on what can wait does (`Catalog.isLogLong`), from the second on nothing new is stored
// (`isLogFull`), so that it stays under 64 MiB: evicting and renewing goes on.
const longLogBytes = 32 * 1024 * 1024;
const fullLogBytes = 40 * 1024 * 1024;

// How often it is tried to empty a long log, and so how long it stays when its reader has gone.
const emptyEveryMs = 1000;

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

  const watchLog = logWatch(database, (length) => answer(port, { kind: "log", length }));

  port.on("message", (message: ToWriter) => {
    switch (message.kind) {
      case "write":
        answer(port, { kind: "written", failures: writeTogether(writeAll, message.writes) });
        watchLog();
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
  return database;
}

/** What to call after writes: it tells when SQLite's log becomes longer, and when it could be emptied again. */
function logWatch(database: Database.Database, tell: (length: LogLength) => void): () => void {
  let timer: NodeJS.Timeout | null = null;
  let told: LogLength = "short";
  const tellOf = (length: LogLength): void => {
    told = length;
    tell(length);
  };
  const empty = (): void => {
    if (timer === null || !database.open || !emptyLog(database)) return;
    clearInterval(timer);
    timer = null;
    tellOf("short");
  };
  return () => {
    const length = lengthOf(sizeOfLog(database.name));
    if (length === "short" || length === told) return;
    if (told === "short" && emptyLog(database)) return;
    timer ??= setInterval(empty, emptyEveryMs).unref();
    tellOf(length);
  };
}

function lengthOf(logBytes: number): LogLength {
  if (logBytes > fullLogBytes) return "full";
  return logBytes > longLogBytes ? "long" : "short";
}

function sizeOfLog(path: string): number {
  return statSync(`${path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
}

/** Whether it is empty now. It is not waited for readers: writes would wait as long. */
function emptyLog(database: Database.Database): boolean {
  database.pragma("busy_timeout = 0");
  try {
    return database.pragma("wal_checkpoint(TRUNCATE)", { simple: true }) === 0;
  } catch {
    // A disk that fails; the writes tell of it.
    return false;
  } finally {
    database.pragma(`busy_timeout = ${busyTimeoutMs}`);
  }
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
