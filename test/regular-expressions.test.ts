import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { check } from "recheck";
import {
  constructedIn,
  hasConstructed,
  literalsIn,
  type Pattern,
} from "./support/regular-expressions.ts";

const src: string = fileURLToPath(new URL("../src", import.meta.url));

/** Of one pattern; the longest known takes a second. */
const limitMs = 60_000;

test("every regular expression in src takes time that grows with its input and no faster", async () => {
  const patterns: (Pattern & { readonly path: string })[] = [];
  for await (const path of glob("**/*.ts", { cwd: src })) {
    const code = await readFile(`${src}/${path}`, "utf8");
    const constructed = hasConstructed(code) ? await constructedIn(`${src}/${path}`) : [];
    patterns.push(...[...literalsIn(code), ...constructed].map((one) => ({ ...one, path })));
  }

  assert.ok(patterns.length > 100, `only ${patterns.length} were found`);
  const findings: string[] = [];
  for (const { path, source, flags } of patterns) {
    const verdict = await verdictOn({ source, flags });
    if (verdict !== "safe") findings.push(`${path}: /${source}/${flags} is ${verdict}`);
  }
  assert.deepEqual(findings, []);
});

test("an expression that goes back over what it took is found, a literal or not", async () => {
  const literal = literalsIn("export const blanks: RegExp = /\\s+$/u;")[0];
  const constructed = await constructedIn(
    'data:text/javascript,export const pattern = new RegExp("^(a|a)*$");',
  );

  assert.deepEqual(literal, { source: "\\s+$", flags: "u" });
  assert.deepEqual(constructed, [{ source: "^(a|a)*$", flags: "" }]);
  assert.match(await verdictOn(literal ?? { source: "", flags: "" }), /2nd degree/);
  assert.match(await verdictOn(constructed[0] ?? { source: "", flags: "" }), /exponential/);
});

async function verdictOn({ source, flags }: Pattern): Promise<string> {
  const found = await check(source, flags, { timeout: limitMs });
  switch (found.status) {
    case "safe":
      return found.status;
    case "vulnerable":
      return `vulnerable: ${found.complexity.summary}`;
    case "unknown":
      return `not known: ${found.error.kind}`;
  }
}
