import { createHash } from "node:crypto";
import Database from "better-sqlite3";
import type { DigestKey } from "../../src/storage/catalog/digest-key.ts";
import { migrate } from "../../src/storage/catalog/file/migrations.ts";
import { SeededRandom } from "../../test/support/seeded-random.ts";

export interface LargeCatalog {
  /** Of a file that is not there yet. */
  readonly path: string;
  readonly images: number;
  /** When it is made, in ms since the epoch. */
  readonly nowMs: number;
}

// An image has an index, a manifest, a config, layers of its own, and those of a base that three others have as well.
const ownBlobs = 19;
const baseLayers = 4;
const imagesOfBase = 4;
const imagesOfRepository = 10;

/** How many images make so many blobs: one for each twenty. */
export function imagesIn(blobs: number): number {
  return Math.floor(blobs / (ownBlobs + baseLayers / imagesOfBase));
}

/**
 * Writes the catalog of a mirror that is full of images: each has a tag, its blobs are granted to its repository, and it
 * was pulled within the last month. The same number of images gives the same rows.
 */
export function writeLargeCatalog({ path, images, nowMs }: LargeCatalog): void {
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(path), (it) => it.close());
  database.pragma("synchronous = OFF");
  database.pragma("cache_size = -500000");
  // The step that counts and dates what is there does so in one go, where its triggers would take a minute.
  migrate(database, stepWithoutAccesses);
  makeImages(database, images);
  database.transaction(() => database.exec(inOrder))();
  migrate(database);
  database.transaction(() => rank(database, nowMs))();
  database.pragma("journal_mode = WAL");
}

const stepWithoutAccesses = 2;

/** As made, in the order of the images; digests are random, and rows in their order are written ten times as fast. */
const madeTables = `
  CREATE TEMP TABLE made_blobs (digest BLOB, size_bytes INTEGER);
  CREATE TEMP TABLE made_manifests (id INTEGER PRIMARY KEY, digest BLOB, repository_id INTEGER);
  CREATE TEMP TABLE made_references (manifest_id INTEGER, digest BLOB);
`;

const inOrder = `
  INSERT INTO blobs SELECT digest, size_bytes, rowid || '-' || size_bytes || '-1732200000123456789-1732200000123456789' FROM made_blobs ORDER BY digest;
  INSERT INTO repositories (id, upstream, name)
    SELECT DISTINCT repository_id, 'origin.test', 'made-up/' || repository_id FROM made_manifests;
  INSERT INTO manifests (id, digest, media_type)
    SELECT id, digest, 'application/vnd.oci.image.manifest.v1+json' FROM made_manifests ORDER BY id;
  INSERT INTO manifest_references SELECT manifest_id, digest FROM made_references ORDER BY manifest_id, digest;
  INSERT INTO grants
    SELECT DISTINCT repository_id, named.digest, 0
    FROM (SELECT id, digest FROM made_manifests UNION ALL SELECT manifest_id, digest FROM made_references) AS named
    JOIN made_manifests USING (id) ORDER BY repository_id, named.digest;
  INSERT INTO tags
    SELECT repository_id, 'v' || id, '', digest, 0 FROM made_manifests
    WHERE digest NOT IN (SELECT digest FROM made_references) ORDER BY repository_id;
`;

function makeImages(database: Database.Database, images: number): void {
  database.exec(madeTables);
  const random = new SeededRandom(1);
  const addBlob = database.prepare("INSERT INTO made_blobs VALUES (?, ?)");
  const putManifest = database.prepare(
    "INSERT INTO made_manifests (digest, repository_id) VALUES (?, ?)",
  );
  const putReference = database.prepare("INSERT INTO made_references VALUES (?, ?)");
  const addManifest = (key: DigestKey, repository: number, names: readonly DigestKey[]): void => {
    const { lastInsertRowid } = putManifest.run(key, repository);
    for (const name of names) putReference.run(lastInsertRowid, name);
  };
  const blob = (name: string, sizeBytes: number): DigestKey => {
    const key = keyNamed(name);
    addBlob.run(key, sizeBytes);
    return key;
  };
  const layer = (name: string): DigestKey => blob(name, random.sizeBetween(1024, 50_000_000));
  database.transaction(() => {
    let base: DigestKey[] = [];
    for (let image = 0; image < images; image++) {
      if (image % imagesOfBase === 0)
        base = Array.from({ length: baseLayers }, (_, at) => layer(`base ${image} ${at}`));
      const repository = Math.floor(image / imagesOfRepository) + 1;
      const index = blob(`index ${image}`, 9_000);
      const manifest = blob(`manifest ${image}`, 4_000);
      const own = Array.from({ length: ownBlobs - 3 }, (_, at) => layer(`layer ${image} ${at}`));
      addManifest(index, repository, [manifest]);
      addManifest(manifest, repository, [blob(`config ${image}`, 9_000), ...own, ...base]);
    }
  })();
}

/**
 * As the mirror ranks what is pulled: between the floor and somewhat above. Of each image the index was pulled at least as
 * late as its child: clients that have the child ask for the index alone.
 */
function rank(database: Database.Database, nowMs: number): void {
  const random = new SeededRandom(2);
  const keys = database.prepare("SELECT digest FROM manifests ORDER BY id").pluck().all();
  const setAccess = database.prepare(
    "UPDATE accesses SET last_at_ms = ?, pulls = ?, priority = ? WHERE digest = ?",
  );
  for (let at = 0; at < keys.length; at += 2) {
    const ageMs = random.between(0, 30 * 86_400_000);
    const pulls = random.between(1, 20);
    const priority = 5 * random.next();
    setAccess.run(nowMs - ageMs, pulls, priority, keys[at]);
    const share = random.next() < 0.5 ? 1 : random.next();
    // The child is smaller by the index, and so worth a little more for each byte.
    const ofChild = 1.001 * share * priority;
    setAccess.run(
      Math.round(nowMs - ageMs / share),
      Math.ceil(pulls * share),
      ofChild,
      keys[at + 1],
    );
  }
}

function keyNamed(name: string): DigestKey {
  return Buffer.concat([Buffer.of(1), createHash("sha256").update(name).digest()]) as DigestKey;
}
