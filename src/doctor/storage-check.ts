import type { Stats } from "node:fs";
import { access, constants, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { StorageConfig } from "../config/config.ts";
import { type Layout, layoutOf } from "../storage/layout.ts";
import { probeWritable } from "../storage/own-directory.ts";
import { codeOf, StorageError } from "../storage/storage-error.ts";
import { checkCatalog } from "./catalog-check.ts";
import { judgeDisk } from "./disk-check.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";
import { lockHolder } from "./lock-holder.ts";

const subject = "storage";

/** The storage directory. Creates and changes nothing but a probe that goes again; `held`: this process has its lock. */
export async function* checkStorage(
  storage: StorageConfig,
  held: boolean,
): AsyncGenerator<Finding> {
  const layout = layoutOf(storage.directory);
  const status = await stat(layout.directory).catch(nullIfMissing);
  if (status === null) {
    yield await checkParent(layout.directory, dirname(layout.directory));
    return;
  }
  yield* checkDirectory(layout, status);
  yield* judgeDisk(storage);
  if (!held) yield* checkLock(layout);
  yield* checkCatalog(layout);
}

function nullIfMissing(error: unknown): null {
  if (codeOf(error) === "ENOENT") return null;
  throw error;
}

/** Whether the first start can make the directory. */
async function checkParent(directory: string, parent: string): Promise<Finding> {
  try {
    await access(parent, constants.W_OK | constants.X_OK);
    return ok(subject, `${directory} is not there yet: the first start makes it`);
  } catch (error) {
    if (codeOf(error) === "ENOENT") return await checkParent(directory, dirname(parent));
    return fail(
      subject,
      `${directory} is not there, and ${parent} cannot be written to`,
      `make the directory for the user that runs sluice: install -d -m 0700 -o USER ${directory}`,
    );
  }
}

async function* checkDirectory({ directory }: Layout, status: Stats): AsyncGenerator<Finding> {
  if (!status.isDirectory()) {
    yield fail(subject, `${directory} is no directory`, "move it away, or set storage.directory");
    return;
  }
  if ((status.mode & 0o002) !== 0) {
    yield fail(
      subject,
      `every user of this machine can write to ${directory}, and so change what is served`,
      `chmod o-w ${directory}`,
    );
  }
  const uid = process.getuid?.();
  if (uid !== undefined && uid !== status.uid) {
    yield warn(
      subject,
      `${directory} belongs to user ${status.uid}, and this runs as user ${uid}`,
      "run sluice, and its commands, as one user",
    );
  }
  yield await checkWritable(directory);
}

async function checkWritable(directory: string): Promise<Finding> {
  try {
    await probeWritable([directory]);
    return ok(subject, `${directory} can be written to`);
  } catch (error) {
    // Its message says what to do.
    if (error instanceof StorageError) return fail(subject, error.message, null);
    throw error;
  }
}

/** Asked when no daemon answers: then nobody should have the directory. */
async function* checkLock(layout: Layout): AsyncGenerator<Finding> {
  const holder = await lockHolder(layout.lockFile);
  if (holder === null) return;
  yield fail(
    subject,
    `process ${holder} has ${layout.directory} for itself, and no daemon answers`,
    `if it is a sluice that starts, stops, or a command that works, wait for it; if it hangs, end it: kill ${holder}`,
  );
}
