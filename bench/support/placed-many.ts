import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Reached, Running } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { type PlacedBlob, type PlacedImage, placeBlob, placeImage } from "./origin.ts";
import { pullBlobVerified, pullVerified } from "./pull-verified.ts";
import type { Bench } from "./question.ts";
import { watchResident } from "./resident-memory.ts";
import { wrkOf } from "./wrk.ts";

/** Small things, so many that no pull is of what the last one was of. */
export interface PlacedMany {
  readonly images: readonly PlacedImage[];
  readonly blobs: readonly PlacedBlob[];
  /** Files for `wrkOf`. */
  readonly manifestPaths: string;
  readonly blobPaths: string;
}

const count = 50;

export async function placeMany({ lab, origin }: Bench): Promise<PlacedMany> {
  const numbers = Array.from({ length: count }, (_, nth) => nth);
  const layers = { count: 1, sizeBytes: 1_000 };
  const images = await Promise.all(numbers.map((nth) => placeImage(origin, `many-${nth}`, layers)));
  const sizeBytes = 16 * 1024;
  const blobs = await Promise.all(
    numbers.map((nth) => placeBlob(origin, { name: `many-blobs-${nth}`, sizeBytes })),
  );
  const directory = await lab.makeDirectory("many");
  const [manifestPaths, blobPaths] = [join(directory, "manifests"), join(directory, "blobs")];
  const manifests = images.map(({ digestPath, headers }) => `${digestPath} ${headers["accept"]}\n`);
  await writeFile(manifestPaths, manifests.join(""));
  await writeFile(blobPaths, blobs.map(({ path }) => `${path} */*\n`).join(""));
  return { images, blobs, manifestPaths, blobPaths };
}

/** Pulls all of them, and rejects unless they are right. */
export async function verifyMany(lab: Lab, server: Reached, many: PlacedMany): Promise<void> {
  const { signal } = lab;
  await Promise.all([
    ...many.images.map(({ digestPath, digest, headers }) =>
      pullVerified({ url: server.url + digestPath, digest, headers, signal }),
    ),
    ...many.blobs.map((blob) => pullBlobVerified(lab, server, blob)),
  ]);
}

/** What pulling them took. */
export interface ManyPulls {
  /** Between two answers, whoever gets them. */
  readonly manifestMicros: number;
  readonly blobMicros: number;
  readonly residentMebibytes: number;
}

/** Pulls manifests, then blobs, each for so many seconds: warm, where they were verified before. */
export async function pullMany(
  { lab, size }: Bench,
  { url, pid }: Running,
  { many, connections }: { readonly many: PlacedMany; readonly connections: number },
): Promise<ManyPulls> {
  const run = { url, connections, seconds: size.wrkSeconds, signal: lab.signal };
  let [manifests, blobs] = [Number.NaN, Number.NaN];
  const { steadyBytes } = await watchResident(pid, async () => {
    manifests = await wrkOf(many.manifestPaths, run);
    blobs = await wrkOf(many.blobPaths, run);
  });
  return {
    manifestMicros: 1e6 / manifests,
    blobMicros: 1e6 / blobs,
    residentMebibytes: steadyBytes / 1024 ** 2,
  };
}
