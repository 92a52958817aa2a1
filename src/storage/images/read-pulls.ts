import type Database from "better-sqlite3";
import type { LoggedPulls } from "./logged-pulls.ts";

// Read in parts, each in a transaction of its own: an old snapshot keeps the writer from shortening its log.
const pullsPerRead = 50_000;
const imagesPerRead = 10_000;

/** The pulls that were logged since `sinceMs`, and the images they were of. */
export function readPulls(database: Database.Database, sinceMs: number): LoggedPulls {
  const images = readImages(database);
  const atMs: number[] = [];
  const imageOf: number[] = [];
  const numbers = new Map<number, number>();
  const used: Buffer[] = [];
  for (const { at, image } of pulls(database, sinceMs)) {
    const members = images.get(image);
    // It is younger than what was read of the images.
    if (!members) continue;
    const number = numbers.get(image) ?? used.push(members) - 1;
    numbers.set(image, number);
    atMs.push(at);
    imageOf.push(number);
  }
  return {
    atMs: Float64Array.from(atMs),
    images: Uint32Array.from(imageOf),
    ...joined(used),
  };
}

function readImages(database: Database.Database): Map<number, Buffer> {
  const read = database.prepare<[number, number], { id: number; members: Buffer }>(
    "SELECT image_id AS id, members FROM pulled_members WHERE image_id > +? ORDER BY image_id LIMIT +?",
  );
  const images = new Map<number, Buffer>();
  let last = 0;
  while (true) {
    const rows = read.all(last, imagesPerRead);
    for (const { id, members } of rows) images.set(id, members);
    if (rows.length < imagesPerRead) return images;
    last = rows.at(-1)?.id ?? last;
  }
}

function* pulls(
  database: Database.Database,
  sinceMs: number,
): Generator<{ readonly at: number; readonly image: number }> {
  const read = database.prepare<[number, number], { id: number; at: number; image: number }>(
    "SELECT id, at_ms AS at, image_id AS image FROM pulls WHERE id > +? ORDER BY id LIMIT +?",
  );
  let last = 0;
  while (true) {
    const rows = read.all(last, pullsPerRead);
    for (const row of rows) if (row.at >= sinceMs) yield row;
    if (rows.length < pullsPerRead) return;
    last = rows.at(-1)?.id ?? last;
  }
}

function joined(packed: readonly Buffer[]): Pick<LoggedPulls, "members" | "memberEnds"> {
  const memberEnds = new Uint32Array(packed.length);
  const members = new Uint8Array(packed.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const [number, bytes] of packed.entries()) {
    members.set(bytes, at);
    at += bytes.length;
    memberEnds[number] = at;
  }
  return { members, memberEnds };
}
