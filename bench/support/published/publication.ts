import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { reasons } from "../../reasons.ts";
import { questionOf } from "../command-line.ts";
import type { Results } from "../results-file.ts";
import { chartsOf } from "./charts.ts";
import { resultsPage } from "./results-page.ts";

/** `bench`. */
export const benchDirectory: string = join(import.meta.dirname, "..", "..");

/** The results that are published: what `npm run bench` stored once. */
export const publishedFile: string = join(benchDirectory, "results", "published.json");

export async function readResults(file: string): Promise<Results> {
  return JSON.parse(await readFile(file, "utf8"));
}

/** The files that are made of results, by their paths in `bench`. */
export async function publicationOf(results: Results): Promise<ReadonlyMap<string, string>> {
  const charts = chartsOf(results);
  const names = results.answers.map(({ name }) => name);
  const questions = new Map<string, string>();
  for (const name of names) questions.set(name, await questionOf(name));
  const page = resultsPage({ results, questions, reasons, charts: [...charts.keys()] });
  const files = [...charts].map(([file, content]) => [`charts/${file}`, content] as const);
  return new Map([["RESULTS.md", page], ...files]);
}
