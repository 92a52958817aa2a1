import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { pino } from "pino";
import { ChangeableLevel } from "../../src/telemetry/changeable-level.ts";
import { logOptions } from "../../src/telemetry/log.ts";

test("a changed level returns to the configured one by itself, with a line for each change", (t) => {
  const { level, log, lines } = startScene(t);

  level.change("debug", 60_000);
  log.debug("seen");
  t.mock.timers.tick(59_999);
  const meanwhile = level.report;
  t.mock.timers.tick(1);
  log.debug("not seen");

  assert.deepEqual(meanwhile, {
    level: "debug",
    configured: "info",
    until: "1970-01-01T00:01:00.000Z",
  });
  assert.deepEqual(level.report, { level: "info", configured: "info", until: null });
  assert.deepEqual(
    lines.map(({ msg, from, to }) => [msg, from, to]),
    [
      ["log level was changed", "info", "debug"],
      ["seen", undefined, undefined],
      ["log level was changed", "debug", "info"],
    ],
  );
});

test("a change to a level that shows less is told too, and its end", (t) => {
  const { level, lines } = startScene(t);
  level.change("silent", 1000);
  t.mock.timers.tick(1000);
  assert.deepEqual(
    lines.map(({ from, to }) => [from, to]),
    [
      ["info", "silent"],
      ["silent", "info"],
    ],
  );
});

test("a second change takes the place of the first, and of its end", (t) => {
  const { level } = startScene(t);
  level.change("debug", 1000);
  level.change("trace", 5000);
  t.mock.timers.tick(4999);
  assert.equal(level.report.level, "trace");
  t.mock.timers.tick(1);
  assert.equal(level.report.level, "info");
});

test("a configuration that is read again waits for the end of a change", (t) => {
  const { level } = startScene(t);
  level.change("debug", 1000);
  level.configure("warn");
  assert.equal(level.report.level, "debug");
  t.mock.timers.tick(1000);
  assert.equal(level.report.level, "warn");
  level.configure("error");
  assert.equal(level.report.level, "error");
});

interface Line {
  readonly msg: string;
  readonly from?: string;
  readonly to?: string;
}

function startScene(t: TestContext): { level: ChangeableLevel; log: pino.Logger; lines: Line[] } {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const lines: Line[] = [];
  const log = pino(logOptions("info"), { write: (line) => void lines.push(JSON.parse(line)) });
  const level = new ChangeableLevel({ log, configured: "info", now: () => 0 });
  return { level, log, lines };
}
