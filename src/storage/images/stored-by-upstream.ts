import type Database from "better-sqlite3";
import { type DigestKey, noKey } from "../catalog/digest-key.ts";
import { rowPages } from "../catalog/row-pages.ts";
import { allocatedBytes } from "../eviction/eviction.ts";

/** What is stored of an upstream, each blob once. What several of them have counts for each. */
export interface StoredOfUpstream {
  /** null: of none any more, or of none yet, as content that was found without a row. */
  readonly upstream: string | null;
  readonly blobs: number;
  /** On the disk. */
  readonly bytes: number;
}

const blobsPerRead = 10_000;

/** By upstream, those with most first. */
export function storedByUpstream(database: Database.Database): readonly StoredOfUpstream[] {
  const upstreams = database
    .prepare<[DigestKey], string>(
      `SELECT DISTINCT upstream FROM grants
       CROSS JOIN repositories ON repositories.id = repository_id WHERE digest = +?`,
    )
    .pluck();
  const sums = new Map<string | null, { blobs: number; bytes: number }>();
  for (const { key, sizeBytes } of allBlobs(database)) {
    const owners = upstreams.all(key);
    for (const upstream of owners.length === 0 ? [null] : owners) {
      const { blobs, bytes } = sums.get(upstream) ?? { blobs: 0, bytes: 0 };
      sums.set(upstream, { blobs: blobs + 1, bytes: bytes + allocatedBytes(sizeBytes) });
    }
  }
  return [...sums]
    .map(([upstream, sum]) => ({ upstream, ...sum }))
    .sort((one, other) => other.bytes - one.bytes);
}

interface BlobRow {
  readonly key: DigestKey;
  readonly sizeBytes: number;
}

function allBlobs(database: Database.Database): Iterable<BlobRow> {
  const read = database.prepare<[DigestKey, number], BlobRow>(
    `SELECT digest AS key, size_bytes AS sizeBytes FROM blobs
     WHERE digest > +? ORDER BY digest LIMIT +?`,
  );
  return rowPages<BlobRow>(blobsPerRead, (last, limit) => read.all(last?.key ?? noKey, limit));
}
