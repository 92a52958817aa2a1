import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { importsIn, offencesOf, type SourceFile } from "./support/layers.ts";

const src: string = fileURLToPath(new URL("../src", import.meta.url));

test("every import in src goes to the same folder or to a lower layer", async () => {
  const files = await sourceFiles();

  assert.ok(files.length > 0);
  assert.deepEqual(files.flatMap(offencesOf), []);
});

const madeUp: readonly (SourceFile & { readonly offence: string | null })[] = [
  { path: "server/blob.ts", imports: ["../mirror/mirror.ts", "./send.ts"], offence: null },
  { path: "main.ts", imports: ["./cli/serve.ts", "commander"], offence: null },
  { path: "cli/commands/serve.ts", imports: ["../../wiring/daemon.ts"], offence: null },
  { path: "admin/dashboard/page.ts", imports: ["../admin.ts"], offence: null },
  { path: "dashboard/words.ts", imports: ["../config/ago.ts", "preact"], offence: null },
  { path: "oci/digest.ts", imports: ["node:crypto"], offence: null },
  { path: "storage/catalog.ts", imports: ["../mirror/fill.ts"], offence: "a higher layer" },
  { path: "server/blob.ts", imports: ["../wiring/daemon.ts"], offence: "a higher layer" },
  { path: "wiring/daemon.ts", imports: ["../cli/version.ts"], offence: "a higher layer" },
  { path: "server/blob.ts", imports: ["../admin/admin.ts"], offence: "strangers" },
  { path: "dashboard/words.ts", imports: ["../cli/ago.ts"], offence: "strangers" },
  {
    path: "upstream/exchange/reach.ts",
    imports: ["../../storage/layout.ts"],
    offence: "strangers",
  },
  { path: "config/units.ts", imports: ["../telemetry/log.ts"], offence: "strangers" },
  { path: "oci/digest.ts", imports: ["../config/units.ts"], offence: "a higher layer" },
  { path: "oci/digest.ts", imports: ["node:fs"], offence: "oci is pure" },
  { path: "admin/admin.ts", imports: ["../dashboard/words.ts"], offence: "a higher layer" },
  { path: "dashboard/main.ts", imports: ["node:fs"], offence: "runs in browsers" },
  { path: "mirror/fills/fill.ts", imports: ["../../test/support/ask.ts"], offence: "no layer" },
  { path: "helpers/clock.ts", imports: [], offence: "no layer" },
  { path: "mirror/index.ts", imports: [], offence: "barrel" },
  { path: "mirror/utils/clock.ts", imports: [], offence: "utils" },
];

for (const { offence, ...file } of madeUp) {
  const verdict = offence ? `is refused: ${offence}` : "is allowed";
  test(`${file.path} importing ${file.imports.join(" and ") || "nothing"} ${verdict}`, () => {
    const found = offencesOf(file);

    assert.equal(found.length, offence ? 1 : 0);
    assert.ok(
      found.every((sentence) => sentence.includes(offence ?? "")),
      found.join("\n"),
    );
  });
}

test("every way to write an import is read", () => {
  const source = [
    'import { a,\n  b } from "./one.ts";',
    'import type { T } from "./two.ts";',
    'import "./three.ts";',
    'export { c } from "./four.ts";',
    'const five = await import("./five.ts");',
  ].join("\n");

  const names = ["one", "two", "three", "four", "five"].map((name) => `./${name}.ts`);
  assert.deepEqual(importsIn(source), names);
});

async function sourceFiles(): Promise<SourceFile[]> {
  const files: SourceFile[] = [];
  for await (const path of glob("**/*.ts", { cwd: src })) {
    files.push({ path, imports: importsIn(await readFile(join(src, path), "utf8")) });
  }
  return files;
}
