import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";

/** The absolute path of something in this checkout. */
export function inCheckout(path: string): string {
  return fileURLToPath(new URL(`../../${path}`, import.meta.url));
}

/** The text of a file in `deploy/`. */
export async function deployFile(path: string): Promise<string> {
  return readFile(inCheckout(`deploy/${path}`), "utf8");
}

/** A text with changes that a user would make by hand; each must find what it changes. */
export function changed(text: string, changes: readonly (readonly [string, string])[]): string {
  return changes.reduce((before, [from, to]) => {
    assert.ok(before.includes(from), `there is ${JSON.stringify(from)} to be changed`);
    return before.replaceAll(from, to);
  }, text);
}
