import assert from "node:assert/strict";
import { access, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { mustRun } from "../support/run-program.ts";

const root: string = fileURLToPath(new URL("../..", import.meta.url));

test("the bill of materials names every package that the daemon imports, and none for development", async () => {
  const { dependencies, devDependencies } = JSON.parse(
    await readFile(join(root, "package.json"), "utf8"),
  );

  const bill = JSON.parse(await mustRun("npm", ["run", "--silent", "sbom"], { cwd: root }));

  assert.equal(bill.bomFormat, "CycloneDX");
  const packages: { name: string; version: string; hashes: unknown[] }[] = bill.components;
  const names = new Set(packages.map(({ name }) => name));
  assert.deepEqual(new Set(Object.keys(dependencies)).difference(names), new Set());
  assert.deepEqual(new Set(Object.keys(devDependencies)).intersection(names), new Set());
  assert.ok(packages.every(({ version, hashes }) => version !== "" && hashes.length > 0));
});

test("every test that the threat model names is there", async () => {
  const text = await readFile(join(root, "SECURITY.md"), "utf8");
  const rows = text.split("\n").filter((line) => line.startsWith("|"));
  const named = rows.flatMap((row) => {
    let folder = "";
    return [...row.matchAll(/`([\w./-]+(?:\.test\.ts|\/))`/g)].map(([, path = ""]) => {
      // A file without its folder is in that of the one before.
      folder = path.includes("/") ? dirname(path) : folder;
      return path.includes("/") ? path : join(folder, path);
    });
  });

  assert.ok(named.length > 20, `${named.length}`);
  for (const path of named) await access(join(root, path));
});
