import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";

/**
 * Output that is a promise to its users has to be what lies in a file of the repository. After a change that is meant,
 * `SLUICE_UPDATE_GOLDEN=1` writes the files anew; read their difference before it is committed.
 */
export async function assertGolden(file: URL, text: string): Promise<void> {
  if (process.env["SLUICE_UPDATE_GOLDEN"] === "1") await writeFile(file, text);
  assert.equal(text, await readFile(file, "utf8"));
}
