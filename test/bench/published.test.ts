import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { questions } from "../../bench/questions.ts";
import { reasons } from "../../bench/reasons.ts";
import {
  benchDirectory,
  publicationOf,
  publishedFile,
  readResults,
} from "../../bench/support/published/publication.ts";

test("the results page and the charts are what the published results give", async () => {
  const publication = await publicationOf(await readResults(publishedFile));

  for (const [path, content] of publication) {
    const written = await readFile(join(benchDirectory, path), "utf8");
    assert.ok(written === content, `bench/${path} is another: npm run bench:publish writes it`);
  }
  const charts = await readdir(join(benchDirectory, "charts"));
  assert.deepEqual(
    charts.filter((file) => !publication.has(`charts/${file}`)),
    [],
  );
});

test("the published results answer every question that there is", async () => {
  const { answers } = await readResults(publishedFile);

  assert.deepEqual(
    answers.map(({ name }) => name),
    questions.map(({ name }) => name),
  );
});

test("every row that falls short is named with its reason, or with that none is known", async () => {
  const results = await readResults(publishedFile);
  const page = (await publicationOf(results)).get("RESULTS.md");

  const missed = results.answers
    .flatMap(({ rows, curves }) => [
      ...rows.filter(({ verdicts }) => verdicts.some(({ met }) => met === false)),
      ...curves.filter(({ met }) => met === false),
    ])
    .map(({ label }) => label);
  for (const label of missed) {
    const line = page?.split("\n").find((each) => each.startsWith(`- **${label}**: `));
    assert.ok(line?.endsWith(reasons[label] ?? "Why is not known yet."), label);
  }
});

test("reasons are of rows and curves that there are", () => {
  const labels = questions.flatMap(({ rows, curves = [] }) => [...rows, ...curves]);

  assert.deepEqual(
    Object.keys(reasons).filter((reason) => labels.every(({ label }) => label !== reason)),
    [],
  );
});

test("a chart says in words what it shows, and loads nothing", async () => {
  const publication = await publicationOf(await readResults(publishedFile));

  const charts = [...publication].filter(([path]) => path.endsWith(".svg"));
  assert.ok(charts.length > 5);
  for (const [path, content] of charts) {
    assert.match(content, /<title id="title">[^<]+<\/title>\n<desc id="description">[^<]+<\/desc>/);
    assert.match(content, /prefers-color-scheme: dark/);
    assert.doesNotMatch(content, /NaN|Infinity|undefined|url\(|@import|<script|href=/, path);
  }
});
