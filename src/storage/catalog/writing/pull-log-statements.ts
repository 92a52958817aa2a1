import type Database from "better-sqlite3";
import {
  type PullBatch,
  type PulledImage,
  type PullLogBounds,
  packMembers,
} from "../../images/logged-pulls.ts";
import { type DigestKey, keyOf } from "../digest-key.ts";

// Whatever is beyond the bounds, so few pulls go in one transaction: it must stay short. A batch of pulls is smaller, so
// that the log shrinks where it is too large.
const oldestRows = 200;

interface Extent {
  readonly first: number | null;
  readonly last: number | null;
  readonly images: number;
}

/** The writes of the log of pulls. */
export class PullLogStatements {
  readonly #addImage: Database.Statement<[{ key: DigestKey }], { id: number }>;
  readonly #addMembers: Database.Statement<[number, Buffer]>;
  readonly #image: Database.Statement<[DigestKey], { id: number }>;
  readonly #addPull: Database.Statement<[number, number]>;
  readonly #extent: Database.Statement<[], Extent>;
  /** By a time: among the oldest rows the last that is older. */
  readonly #lastBefore: Database.Statement<[number], { id: number | null }>;
  readonly #dropThrough: Database.Statement<[number]>;

  constructor(database: Database.Database) {
    this.#addImage = database.prepare(
      `INSERT INTO pulled_images (digest, name) VALUES (:key, (
         SELECT upstream || '/' || repositories.name || ':' || tag FROM (
           SELECT :key AS digest UNION ALL
           SELECT manifests.digest FROM manifest_references
           CROSS JOIN manifests ON manifests.id = manifest_id WHERE referenced = +:key)
         CROSS JOIN tags USING (digest) CROSS JOIN repositories ON repositories.id = repository_id
         WHERE variant = '' LIMIT 1))
       ON CONFLICT DO NOTHING RETURNING id`,
    );
    this.#addMembers = database.prepare(
      "INSERT INTO pulled_members (image_id, members) VALUES (?, ?)",
    );
    this.#image = database.prepare("SELECT id FROM pulled_images WHERE digest = ?");
    this.#addPull = database.prepare("INSERT INTO pulls (at_ms, image_id) VALUES (?, ?)");
    this.#extent = database.prepare(
      `SELECT (SELECT min(id) FROM pulls) AS first, (SELECT max(id) FROM pulls) AS last,
         pulled_images AS images FROM totals`,
    );
    this.#lastBefore = database.prepare(
      `SELECT max(id) AS id FROM (SELECT id, at_ms FROM pulls ORDER BY id LIMIT ${oldestRows})
       WHERE at_ms < +?`,
    );
    this.#dropThrough = database.prepare("DELETE FROM pulls WHERE id <= ?");
  }

  record({ atMs, imageOf, images }: PullBatch, bounds: PullLogBounds): void {
    const ids = images.map((image) => this.#idOf(image));
    for (const [at, image] of imageOf.entries()) {
      const id = ids[image];
      if (id !== undefined) this.#addPull.run(Math.round(atMs[at] ?? 0), id);
    }
    this.#dropOldest(bounds);
  }

  /** Adds an image with members, unless the log knows it; undefined: it does not, and was told none. */
  #idOf({ digest, members }: PulledImage): number | undefined {
    const key = keyOf(digest);
    const added = members && this.#addImage.get({ key });
    if (members && added) this.#addMembers.run(added.id, packMembers(members));
    return (added ?? this.#image.get(key))?.id;
  }

  #dropOldest(bounds: PullLogBounds): void {
    const extent = this.#extent.get();
    if (!extent || extent.first === null || extent.last === null) return;
    const lastOfOldest = extent.first + oldestRows - 1;
    const surplus = Math.min(extent.last - bounds.pulls, lastOfOldest);
    const aged = this.#lastBefore.get(bounds.sinceMs)?.id ?? 0;
    // No pull takes more than one image with it, and most take none.
    const crowding = extent.first - 1 + 2 * Math.max(0, extent.images - bounds.images);
    const last = Math.max(surplus, aged, Math.min(crowding, lastOfOldest));
    if (last >= extent.first) this.#dropThrough.run(last);
  }
}
