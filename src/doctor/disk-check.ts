import type { StatsFs } from "node:fs";
import { statfs } from "node:fs/promises";
import type { StorageConfig } from "../config/config.ts";
import { formatBytes, sizeInBytes } from "../config/units.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

const subject = "storage";

/** The disk of the storage directory: what it is, and whether it has room. */
export async function* judgeDisk(storage: StorageConfig): AsyncGenerator<Finding> {
  const disk = await statfs(storage.directory);
  const doubt = doubts[disk.type];
  if (doubt) yield warn(subject, `${storage.directory} is on ${doubt[0]}`, doubt[1]);
  yield* judgeSpace(disk, storage);
  yield* judgeInodes(disk);
}

const volume = "set storage.directory to a disk, in a container to a volume";
const local = "set storage.directory to a local disk";

/** File systems that a cache should not be on, by their magic number (statfs(2)): what they are, what to do. */
const doubts: Readonly<Record<number, readonly [found: string, remedy: string]>> = {
  16914836: ["tmpfs: what is stored is in memory, and gone after a restart", volume],
  2240043254: ["ramfs: what is stored is in memory, and gone after a restart", volume],
  2035054128: ["an overlay: the layer of a container, slow and gone with it", volume],
  26985: ["NFS, whose locks the catalog cannot rely on", local],
  4283649346: ["CIFS, whose locks the catalog cannot rely on", local],
  4266872130: ["SMB, whose locks the catalog cannot rely on", local],
  16914839: ["9p, whose locks the catalog cannot rely on", local],
};

export function* judgeSpace(
  { blocks, bavail, bsize }: Pick<StatsFs, "blocks" | "bavail" | "bsize">,
  { maxSize, minFree }: StorageConfig,
): Generator<Finding> {
  const [diskBytes, freeBytes] = [blocks * bsize, bavail * bsize];
  const neededBytes = sizeInBytes(minFree, diskBytes);
  const free = `${formatBytes(freeBytes)} of ${formatBytes(diskBytes)} are free on its disk`;
  if (freeBytes < neededBytes) {
    yield fail(
      subject,
      `only ${free}, less than storage.minFree (${formatBytes(neededBytes)}): nothing new is stored`,
      "free some space, or lower storage.minFree or storage.maxSize",
    );
  } else yield ok(subject, free);
  const limitBytes = sizeInBytes(maxSize, diskBytes);
  if (limitBytes + neededBytes <= diskBytes) return;
  yield warn(
    subject,
    `storage.maxSize (${formatBytes(limitBytes)}) and storage.minFree are more than the disk has: it is minFree that decides`,
    `set storage.maxSize to ${formatBytes(Math.max(0, diskBytes - neededBytes))} at most, or to a share such as 80%`,
  );
}

// A blob is a file: ext4 has one inode for 16 KiB, and a mirror of small images may run out of them first.
const fewInodesShare = 0.05;

export function* judgeInodes({
  files,
  ffree,
}: Pick<StatsFs, "files" | "ffree">): Generator<Finding> {
  // Some file systems have no such bound, and say 0.
  if (files === 0 || ffree > files * fewInodesShare) return;
  const found = `${ffree} of ${files} inodes are left on its disk`;
  const remedy = "remove small files from it, or make a file system with more inodes";
  yield ffree === 0
    ? fail(subject, `${found}: nothing can be stored`, remedy)
    : warn(subject, found, remedy);
}
