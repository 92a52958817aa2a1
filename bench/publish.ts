import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import {
  benchDirectory,
  publicationOf,
  publishedFile,
  readResults,
} from "./support/published/publication.ts";

// npm run bench:publish -- [RESULTS.json]: takes what a run has stored as what is published, and writes RESULTS.md and the
// charts from it; without a file, from what was published last.
const [file] = process.argv.slice(2);
if (file !== undefined) {
  // Before it takes the place of what was there.
  await publicationOf(await readResults(file));
  await mkdir(dirname(publishedFile), { recursive: true });
  await copyFile(file, publishedFile);
}
// One that is no longer drawn goes.
await rm(join(benchDirectory, "charts"), { recursive: true, force: true });
for (const [path, content] of await publicationOf(await readResults(publishedFile))) {
  const target = join(benchDirectory, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
  console.log(`wrote bench/${path}`);
}
