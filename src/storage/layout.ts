import { mkdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { algorithmOf, type Digest, hexOf } from "../oci/digest.ts";
import { prepareOwnDirectory, probeWritable, refuseWorldWritable } from "./own-directory.ts";
import { cannot, codeOf, StorageError } from "./storage-error.ts";

/** Where things lie under the storage directory. All paths are absolute. */
export interface Layout {
  /** The storage directory, `storage.directory` of the configuration. */
  readonly directory: string;
  /** Committed content: `sha256/ab/<hex>` and `sha512/ab/<hex>`, where `ab` are the first two digits. */
  readonly blobs: string;
  /** Content that is arriving, under random names. */
  readonly ingest: string;
  /** Removed content on its way out, under random names. */
  readonly trash: string;
  /** Content that turned out to be damaged, for people to look at; made when there is some. */
  readonly quarantine: string;
  readonly catalogFile: string;
  /** Copies of the catalog, the newest first. */
  readonly catalogBackups: readonly [newest: string, older: string];
  /** Lies there when the catalog was found to be damaged: the next start sets it aside. */
  readonly catalogDamage: string;
  readonly lockFile: string;
  readonly controlSocket: string;
}

/** The layout of a storage directory, which need not be there. */
export function layoutOf(directory: string): Layout {
  const root = resolve(directory);
  return {
    directory: root,
    blobs: join(root, "blobs"),
    ingest: join(root, "ingest"),
    trash: join(root, "trash"),
    quarantine: join(root, "quarantine"),
    catalogFile: join(root, "catalog.db"),
    catalogBackups: [join(root, "catalog.db.backup"), join(root, "catalog.db.backup.1")],
    catalogDamage: join(root, "catalog.db.damaged"),
    lockFile: join(root, "lock.db"),
    controlSocket: join(root, "control.sock"),
  };
}

/**
 * Creates what is missing of a storage directory and checks the rest. Throws StorageError if it cannot be
 * written to or is not safe to use. Harmless while another daemon runs in it.
 */
export async function prepareLayout(directory: string): Promise<Layout> {
  const layout = layoutOf(directory);
  refuseLongSocketPath(layout.controlSocket);
  await prepareRoot(layout.directory);
  const roots = [join(layout.blobs, "sha256"), join(layout.blobs, "sha512")];
  for (const path of [layout.blobs, ...roots, layout.ingest, layout.trash]) {
    await prepareOwnDirectory(path);
  }
  await probeWritable([layout.directory, layout.ingest, ...roots, layout.trash]);
  return layout;
}

/** Where the committed content of `digest` lies. */
export function blobFile(layout: Layout, digest: Digest): string {
  return join(shardDirectory(layout, digest), hexOf(digest));
}

/** 256 directories of one algorithm: a million blobs make 4,000 names in each, which every file system takes. */
export function shardDirectory(layout: Layout, digest: Digest): string {
  return join(layout.blobs, algorithmOf(digest), hexOf(digest).slice(0, 2));
}

// sockaddr_un.sun_path has 108 bytes on Linux, the terminating zero included.
const socketPathLimitBytes = 107;

function refuseLongSocketPath(path: string): void {
  const lengthBytes = Buffer.byteLength(path);
  if (lengthBytes <= socketPathLimitBytes) return;
  throw new StorageError(
    `the path ${path} has ${lengthBytes} bytes, but a Unix socket's path may have at most ${socketPathLimitBytes}. Set storage.directory to a shorter path`,
  );
}

// Node's own recursive mkdir never returns where a parent exists and takes no directories, as in /proc.
async function makeDirectories(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = codeOf(error);
    if (code === "EEXIST" && (await stat(path)).isDirectory()) return;
    if (code !== "ENOENT" || dirname(path) === path) throw error;
    await makeDirectories(dirname(path));
    await mkdir(path, { mode: 0o700 });
  }
}

async function prepareRoot(directory: string): Promise<void> {
  try {
    await makeDirectories(directory);
    refuseWorldWritable(directory, (await stat(directory)).mode);
  } catch (error) {
    throw error instanceof StorageError ? error : cannot(`create ${directory}`, error);
  }
}
