import type Database from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import type { Reference } from "../../oci/reference.ts";
import { type DigestKey, digestOfKey } from "../catalog/digest-key.ts";
import type { Location } from "../catalog.ts";
import { type ImageNameRow, imageNames } from "./image-names.ts";
import { pullsSince } from "./read-pulls.ts";
import { StoredImages } from "./stored-images.ts";

/** An image that was pulled of late, under one of its names. */
export interface RecentImage extends Location {
  readonly reference: Reference;
  readonly digest: Digest;
  /** In ms since the epoch. */
  readonly lastAtMs: number;
  readonly pulls: number;
}

/** One that is not here any more. */
export interface GoneImage {
  /** In full, as it was called when it was pulled first. */
  readonly name: string;
  readonly digest: Digest;
  /** In ms since the epoch. */
  readonly lastAtMs: number;
  /** Since then. */
  readonly pulls: number;
}

export interface RecentImages {
  /** The latest first: 5,000 at most. */
  readonly here: readonly RecentImage[];
  /** How many there are. */
  readonly hereInAll: number;
  /** By the log of pulls: 1,000 at most. */
  readonly gone: readonly GoneImage[];
  /** How many more are gone, and nobody knows what they were called. */
  readonly goneUnnamed: number;
}

// Each is looked at, which takes a tenth of a millisecond and some reads.
const hereLimit = 5_000;
const goneLimit = 1_000;

/** What was pulled since `sinceMs`: of what is stored, and of the log of pulls. */
export function recentImages(database: Database.Database, sinceMs: number): RecentImages {
  const images = new StoredImages(database);
  const here: RecentImage[] = [];
  const names = new Set<string>();
  for (const row of imageNames(database)) {
    const { lastAtMs, pulls } = images.access(row.key);
    names.add(row.name);
    if (pulls > 0 && lastAtMs >= sinceMs) here.push(recent(row, { lastAtMs, pulls }));
  }
  const gone = [...goneImages(database, sinceMs)];
  // A tag that means something else now is not missed.
  const missed = gone.filter((image): image is GoneImage => {
    return image.name !== null && !names.has(image.name);
  });
  return {
    here: here.sort(byLastPull).slice(0, hereLimit),
    hereInAll: here.length,
    gone: missed.sort(byLastPull).slice(0, goneLimit),
    goneUnnamed: gone.filter(({ name }) => name === null).length,
  };
}

function recent(row: ImageNameRow, access: { lastAtMs: number; pulls: number }): RecentImage {
  const { upstream, repository, reference, key } = row;
  return { upstream, repository, reference, digest: digestOfKey(key), ...access };
}

function byLastPull(one: { lastAtMs: number }, other: { lastAtMs: number }): number {
  return other.lastAtMs - one.lastAtMs;
}

function* goneImages(
  database: Database.Database,
  sinceMs: number,
): Generator<Omit<GoneImage, "name"> & { readonly name: string | null }> {
  const find = database.prepare<[number], { key: DigestKey; name: string | null }>(
    `SELECT digest AS key, name FROM pulled_images
     WHERE id = +? AND NOT EXISTS (SELECT 1 FROM manifests WHERE digest = pulled_images.digest)`,
  );
  for (const [image, access] of pulledSince(database, sinceMs)) {
    const gone = find.get(image);
    if (gone) yield { name: gone.name, digest: digestOfKey(gone.key), ...access };
  }
}

/** By the image's number, when it was pulled last, and how often. */
function pulledSince(
  database: Database.Database,
  sinceMs: number,
): Map<number, { lastAtMs: number; pulls: number }> {
  const pulled = new Map<number, { lastAtMs: number; pulls: number }>();
  for (const { at, image } of pullsSince(database, sinceMs)) {
    const { lastAtMs, pulls } = pulled.get(image) ?? { lastAtMs: 0, pulls: 0 };
    pulled.set(image, { lastAtMs: Math.max(lastAtMs, at), pulls: pulls + 1 });
  }
  return pulled;
}
