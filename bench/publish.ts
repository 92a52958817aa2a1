import { copyFile, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { questions } from "./questions.ts";
import { reasons } from "./reasons.ts";
import {
  benchDirectory,
  publicationOf,
  publishedFile,
  readResults,
} from "./support/published/publication.ts";
import { openReasons } from "./support/published/results-page.ts";

// npm run bench:publish -- [RESULTS.json]: takes what a run has stored as what is published, and writes RESULTS.md and the
// charts from it; without a file, from what was published last.
const [file] = process.argv.slice(2);
if (file !== undefined) {
  // Before it takes the place of what was there.
  const results = await readResults(file);
  await publicationOf(results);
  const answered = new Set(results.answers.map(({ name }) => name));
  const open = questions.filter(({ name }) => !answered.has(name)).map(({ name }) => name);
  if (open.length > 0) {
    console.error(`${file} does not answer ${open.join(", ")}: publish a run of all questions`);
    process.exit(1);
  }
  await mkdir(dirname(publishedFile), { recursive: true });
  await copyFile(file, publishedFile);
}
const results = await readResults(publishedFile);
// One that is no longer drawn goes.
await rm(join(benchDirectory, "charts"), { recursive: true, force: true });
for (const [path, content] of await publicationOf(results)) {
  const target = join(benchDirectory, path);
  await mkdir(dirname(target), { recursive: true });
  await writeFile(target, content);
  console.log(`wrote bench/${path}`);
}
const { missing, stale } = openReasons({ results, reasons });
for (const label of missing)
  console.log(`! ${label}: falls short; write into bench/reasons.ts why, and publish again`);
for (const label of stale)
  console.log(`! ${label}: meets its target; take its reason out of bench/reasons.ts`);
