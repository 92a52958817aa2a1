import type Database from "better-sqlite3";
import { ImageGlob } from "../../oci/image-glob.ts";
import { idOf } from "../catalog/digest-key.ts";
import type {
  ImageCursor,
  ImageList,
  ImageListRequest,
  ImageOrder,
  ListedImage,
} from "./image-list.ts";
import { type ImageNameRow, imageNames } from "./image-names.ts";
import { StoredImages } from "./stored-images.ts";

/** An image and its place in the list. */
interface Placed extends ImageCursor {
  readonly row: ImageNameRow;
}

/** One page of the images that match. Walks all names; looks at no more of the images than the order asks for. */
export function listImages(database: Database.Database, request: ImageListRequest): ImageList {
  const { glob, sort, limit, after } = request;
  const images = new StoredImages(database);
  const page = new FirstPlaces(limit + 1);
  const rankOf = memoised((row) => valueBy(sort, images, row));
  let matched = 0;
  for (const row of matching(database, glob)) {
    matched++;
    const placed = { row, name: row.name, value: rankOf(row) };
    if (!after || inOrder(after, placed) < 0) page.add(placed);
  }
  const found = page.sorted();
  const last = found[limit - 1];
  return {
    images: found.slice(0, limit).map(({ row }) => listed(images, row)),
    matched,
    next: found.length > limit && last ? { value: last.value, name: last.name } : null,
  };
}

/** All for null; none for what is no pattern. */
function* matching(database: Database.Database, glob: string | null): Generator<ImageNameRow> {
  const pattern = ImageGlob.parse(glob ?? "*");
  for (const row of imageNames(database)) if (pattern?.matches(row.name)) yield row;
}

function valueBy(sort: ImageOrder, images: StoredImages, { key }: ImageNameRow): number {
  switch (sort) {
    case "name":
      return 0;
    case "size":
      return images.sizeBytes(key);
    case "pulled":
      return images.access(key).lastAtMs;
    case "pulls":
      return images.access(key).pulls;
  }
}

/** What has many tags is looked at once. */
function memoised(rankOf: (row: ImageNameRow) => number): (row: ImageNameRow) => number {
  const known = new Map<string, number>();
  return (row) => {
    const id = idOf(row.key);
    const value = known.get(id) ?? rankOf(row);
    known.set(id, value);
    return value;
  };
}

function listed(images: StoredImages, row: ImageNameRow): ListedImage {
  const { upstream, repository, reference, key } = row;
  return { upstream, repository, reference, ...images.look(key) };
}

/** The first of many, without keeping all of them. */
class FirstPlaces {
  readonly #limit: number;
  #kept: Placed[] = [];

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(placed: Placed): void {
    this.#kept.push(placed);
    if (this.#kept.length >= 2 * this.#limit + 1_000) this.#kept = this.sorted();
  }

  sorted(): Placed[] {
    return this.#kept.sort(inOrder).slice(0, this.#limit);
  }
}

function inOrder(one: ImageCursor, other: ImageCursor): number {
  if (one.value !== other.value) return other.value - one.value;
  return one.name < other.name ? -1 : Number(one.name > other.name);
}
