import assert from "node:assert/strict";
import { glob, readFile } from "node:fs/promises";
import { test } from "node:test";
import { inCheckout } from "../support/deploy.ts";
import { type MapOfRooms, mapOfRooms } from "../support/map-of-rooms.ts";

test("every file in src has its place on the map of ARCHITECTURE.md, and every name there its file", async () => {
  const { files, byRule } = mapOfRooms(await readFile(inCheckout("ARCHITECTURE.md"), "utf8"));
  const present: string[] = [];
  for await (const path of glob("**/*.*", { cwd: inCheckout("src") })) present.push(path);

  const placed = new Set(files);
  const homeless = present.filter(
    (path) => !placed.has(path) && !byRule.some((folder) => path.startsWith(folder)),
  );
  assert.ok(placed.size > 300);
  assert.deepEqual(homeless, []);
  assert.deepEqual([...placed.difference(new Set(present))], []);
});

test("the map is read as it is drawn", () => {
  const map = [
    "```",
    "src/",
    "  main.ts    runs it",
    "  cli/",
    "    commands/   one file a command:",
    "      serve.ts  table.ts  what they print",
    "    run.ts  grammar/  the grammar, a file a command",
    "  server/",
    "    blob.ts",
    "bin/sluice   starts it",
    "```",
  ].join("\n");

  const expected: MapOfRooms = {
    files: [
      "main.ts",
      "cli/commands/serve.ts",
      "cli/commands/table.ts",
      "cli/run.ts",
      "server/blob.ts",
    ],
    byRule: ["cli/commands/", "cli/grammar/"],
  };
  assert.deepEqual(mapOfRooms(map), expected);
});
