import type Database from "better-sqlite3";
import { rowPages } from "../catalog/row-pages.ts";
import type { LoggedPulls } from "./logged-pulls.ts";

const pullsPerRead = 50_000;
const imagesPerRead = 10_000;

/** The pulls that were logged since `sinceMs`, and the images they were of. */
export function readPulls(database: Database.Database, sinceMs: number): LoggedPulls {
  const images = readImages(database);
  const atMs: number[] = [];
  const imageOf: number[] = [];
  const numbers = new Map<number, number>();
  const used: Buffer[] = [];
  for (const { at, image } of pullsSince(database, sinceMs)) {
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

/** A row of the log: when it was, and the number of the image. */
interface PullRow {
  readonly id: number;
  readonly at: number;
  readonly image: number;
}

/** The pulls that were logged since then, the oldest first. */
export function* pullsSince(database: Database.Database, sinceMs: number): Generator<PullRow> {
  const read = database.prepare<[number, number], PullRow>(
    "SELECT id, at_ms AS at, image_id AS image FROM pulls WHERE id > +? ORDER BY id LIMIT +?",
  );
  const rows = rowPages<PullRow>(pullsPerRead, (last, limit) => read.all(last?.id ?? 0, limit));
  for (const row of rows) if (row.at >= sinceMs) yield row;
}

interface ImageRow {
  readonly id: number;
  readonly members: Buffer;
}

function readImages(database: Database.Database): Map<number, Buffer> {
  const read = database.prepare<[number, number], ImageRow>(
    "SELECT image_id AS id, members FROM pulled_members WHERE image_id > +? ORDER BY image_id LIMIT +?",
  );
  const rows = rowPages<ImageRow>(imagesPerRead, (last, limit) => read.all(last?.id ?? 0, limit));
  return new Map(Array.from(rows, ({ id, members }) => [id, members]));
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
