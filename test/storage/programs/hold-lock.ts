import { DirectoryLock } from "../../../src/storage/directory-lock.ts";
import { layoutOf } from "../../../src/storage/layout.ts";
import { StorageError } from "../../../src/storage/storage-error.ts";

// Holds the lock of a storage directory until it is killed; ends without a word if it is refused.
try {
  const lock = DirectoryLock.acquire(layoutOf(process.argv[2] ?? ""));
  console.log("locked");
  setInterval(() => lock, 60_000);
} catch (error) {
  if (!(error instanceof StorageError)) throw error;
}
