import { mkdtempDisposable, readdir, readlink } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { type Layout, prepareLayout } from "../../src/storage/layout.ts";

/** A prepared storage directory of its own, thrown away at the end. */
export interface StorageDirectory extends AsyncDisposable {
  readonly layout: Layout;
}

export interface StoreDirectory extends StorageDirectory {
  readonly store: DiskBlobStore;
}

export async function storageDirectory(): Promise<StorageDirectory> {
  const directory = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  const layout = await prepareLayout(join(directory.path, "storage"));
  return { layout, [Symbol.asyncDispose]: () => directory.remove() };
}

export async function storeDirectory(): Promise<StoreDirectory> {
  const directory = await storageDirectory();
  return { ...directory, store: await DiskBlobStore.open(directory.layout) };
}

/** The files below `directory` that this process has open, unlinked ones included. */
export async function openFilesBelow(directory: string): Promise<string[]> {
  const links = (await readdir("/proc/self/fd")).map((fd) =>
    readlink(`/proc/self/fd/${fd}`).catch(() => "closed meanwhile"),
  );
  return (await Promise.all(links)).filter((path) => path.startsWith(`${directory}/`));
}
