import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { version } from "../../src/cli/version.ts";
import { inCheckout } from "../support/deploy.ts";

// Each with what stands before the version in it, wherever that is.
const places: readonly [file: string, before: RegExp][] = [
  ["package-lock.json", /"name": "sluice",\s+"version": "/g],
  ["docs/openapi.json", /"title": "sluice admin API",\s+"version": "/g],
  ["docs/sluice.1", /^\.TH SLUICE 1 "" "sluice /gm],
  ["Dockerfile", /^ARG VERSION=/gm],
  ["deploy/README.md", /registry\.example\.com\/sluice:/g],
  ["deploy/compose/compose.yaml", /image: sluice:/g],
  ["deploy/kubernetes/base/kustomization.yaml", /newTag: /g],
  ["deploy/kubernetes/nodes/kustomization.yaml", /newTag: /g],
];

test("documents, image and deployment files name the version of this checkout", async () => {
  for (const [file, before] of places) {
    const text = await readFile(inCheckout(file), "utf8");
    const found = [...text.matchAll(before)].map((match) => {
      const from = match.index + match[0].length;
      return text.slice(from).match(/^\d+\.\d+\.\d+(?:-[\w.]+)?/)?.[0];
    });
    assert.ok(found.length > 0, `${file} names a version`);
    assert.deepEqual(new Set(found), new Set([version]), file);
  }
});

test("the changelog begins with this version and its day, or with what is not released yet", async () => {
  const text = await readFile(inCheckout("CHANGELOG.md"), "utf8");

  const [first, second] = [...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading ?? "");

  const latest = first === "Unreleased" ? second : first;
  assert.match(latest ?? "", /^\d+\.\d+\.\d+ - \d{4}-\d{2}-\d{2}$/);
  assert.ok(latest?.startsWith(`${version} - `), latest);
});

// When two who had moved the entries were brought together, half of them stood there twice.
test("no entry stands in the changelog twice", async () => {
  const text = await readFile(inCheckout("CHANGELOG.md"), "utf8");

  const entries = text
    .split(/^- /m)
    .slice(1)
    .map((entry) => entry.replaceAll(/\s+/g, " ").slice(0, 60));

  assert.deepEqual(
    entries.filter((entry, at) => entries.indexOf(entry) !== at),
    [],
  );
});

test("the comparison with registry:2 is of this version", async () => {
  const text = await readFile(inCheckout("README.md"), "utf8");

  const [, compared] = /\| sluice (\d+\.\d+) \|/.exec(text) ?? [];

  assert.equal(compared, version.split(".").slice(0, 2).join("."));
});
