import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import Database from "better-sqlite3";
import { type DigestKey, digestOfKey } from "../../src/storage/catalog/digest-key.ts";
import { blobFile, type Layout, prepareLayout, shardDirectory } from "../../src/storage/layout.ts";
import type { Lab } from "./lab.ts";
import { imagesIn, writeLargeCatalog } from "./large-catalog.ts";

// ext4 gives a file at most 65,000 names.
const namesOfFile = 60_000;

/** The stores of a run, by how many blobs they have: to make a large one takes a minute, and it is the same for who comes next. */
export class LargeStores {
  readonly #lab: Lab;
  readonly #stores = new Map<number, Layout>();

  constructor(lab: Lab) {
    this.#lab = lab;
  }

  async withBlobs(blobs: number): Promise<Layout> {
    const made = this.#stores.get(blobs);
    if (made) return made;
    const directory = join(await this.#lab.makeDirectory("large"), "storage");
    const layout = await makeLargeStore(directory, blobs);
    this.#stores.set(blobs, layout);
    return layout;
  }
}

/**
 * Makes a storage directory of so many blobs, all of which have a file, but an empty one: the mirror looks for the names of
 * files when it starts and at their content when it is pulled, which these never are.
 */
async function makeLargeStore(directory: string, blobs: number): Promise<Layout> {
  const layout = await prepareLayout(directory);
  writeLargeCatalog({ path: layout.catalogFile, images: imagesIn(blobs), nowMs: Date.now() });
  using stack = new DisposableStack();
  const database = stack.adopt(new Database(layout.catalogFile), (it) => it.close());
  const keys = database.prepare("SELECT digest FROM blobs").pluck().iterate();
  const shards = new Set<string>();
  let names = 0;
  for (const key of keys as Iterable<DigestKey>) {
    const digest = digestOfKey(key);
    const file = join(directory, `empty-${Math.floor(names / namesOfFile)}`);
    if (names % namesOfFile === 0) writeFileSync(file, "");
    const shard = shardDirectory(layout, digest);
    if (!shards.has(shard)) mkdirSync(shard, { recursive: true, mode: 0o700 });
    shards.add(shard);
    linkSync(file, blobFile(layout, digest));
    names++;
  }
  return layout;
}
