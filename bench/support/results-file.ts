import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Machine } from "./machine.ts";
import type { Size } from "./question.ts";
import type { Answer } from "./run-questions.ts";

/** What a run stores. */
export interface Results {
  /** ISO 8601. */
  readonly startedAt: string;
  readonly machine: Machine;
  readonly size: Size;
  readonly answers: readonly Answer[];
}

/** A new file in `bench/results`, named for when a run began. */
export function resultsFile(startedAt: Date): string {
  const name = startedAt.toISOString().slice(0, 19).replaceAll(":", "-");
  return join(import.meta.dirname, "..", "results", `${name}.json`);
}

export async function storeResults(file: string, results: object): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`);
  console.log(`\nstored in ${file}`);
}
