import assert from "node:assert/strict";
import { test } from "node:test";
import { renderLimits } from "../../src/cli/output/limit-table.ts";
import { hubLimit } from "../support/limit-stats.ts";

const untold = { limit: null, remaining: null, windowSeconds: null, emptyInSeconds: null };

test("stats shows the limits of registries with what is left of them and for how long", () => {
  const table = renderLimits([
    hubLimit,
    { ...hubLimit, account: "2", emptyInSeconds: null },
    { ...hubLimit, account: "3", state: "low", remaining: 12 },
    { ...hubLimit, account: "4", state: "empty", remaining: 0, emptyInSeconds: 0 },
    { ...hubLimit, ...untold, account: "anonymous", state: "unlimited", waitSeconds: 90 },
  ]);

  assert.deepEqual(
    table.split("\n").map((line) => line.trimEnd()),
    [
      "LIMIT OF   ENDPOINT              ACCOUNT          LEFT  WINDOW  FORECAST",
      "docker.io  registry-1.docker.io  1          140 of 200      6h  empty in 40m",
      "docker.io  registry-1.docker.io  2          140 of 200      6h  lasts",
      "docker.io  registry-1.docker.io  3           12 of 200      6h  low, empty in 40m",
      "docker.io  registry-1.docker.io  4            0 of 200      6h  empty",
      "docker.io  registry-1.docker.io  anonymous                      asked again in 1m",
    ],
  );
});
