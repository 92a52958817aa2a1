import type Database from "better-sqlite3";
import { distance } from "fastest-levenshtein";
import { type Reference, referenceText } from "../../oci/reference.ts";
import type { Location } from "../catalog.ts";
import { type ImageNameRow, imageNames } from "./image-names.ts";

/** A name by which nothing is stored. */
export interface WantedImage extends Location {
  readonly reference: Reference;
}

// Somebody who mistyped reads no longer list.
const namesLimit = 5;

// More letters than these wrong, and it is another word.
const wrongLetters = (text: string): number => Math.max(2, Math.floor(text.length / 4));

/**
 * Full names of stored images that may have been meant, the nearest first: the repository's own, of another upstream, or
 * whose name is nearly the same.
 */
export function nearImages(database: Database.Database, wanted: WantedImage): string[] {
  const near: { readonly name: string; readonly far: number }[] = [];
  for (const row of imageNames(database)) {
    const far = farness(row, wanted);
    if (far === null) continue;
    near.push({ name: row.name, far });
    if (near.length > 50 * namesLimit) keepNearest(near);
  }
  keepNearest(near);
  return near.map(({ name }) => name);
}

/** null for what cannot have been meant. A wrong letter in the repository weighs more than any tag. */
function farness(row: ImageNameRow, wanted: WantedImage): number | null {
  // Nobody types a digest by mistake for a tag.
  if (row.reference.kind === "digest" && wanted.reference.kind === "tag") return null;
  const tags = distance(referenceText(row.reference), referenceText(wanted.reference));
  if (row.repository === wanted.repository) {
    return row.upstream === wanted.upstream ? tags : 1_000 + tags;
  }
  const limit = wrongLetters(wanted.repository);
  const wrong = Math.min(
    distance(row.repository, wanted.repository),
    // Its owner was left out, or is another one.
    lastOf(row.repository) === lastOf(wanted.repository) ? limit : Number.POSITIVE_INFINITY,
  );
  return wrong <= limit ? 1_000 * (1 + wrong) + tags : null;
}

function lastOf(repository: string): string {
  return repository.slice(repository.lastIndexOf("/") + 1);
}

function keepNearest(near: { readonly name: string; readonly far: number }[]): void {
  near.sort((one, other) => one.far - other.far || (one.name < other.name ? -1 : 1));
  near.splice(namesLimit);
}
