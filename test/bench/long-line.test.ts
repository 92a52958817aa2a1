import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { Lab } from "../../bench/support/lab.ts";
import { LongLine } from "../../bench/support/long-line.ts";
import { ask } from "../support/ask.ts";
import { noise } from "../support/noise.ts";

test("what comes over a long line is whole, and no sooner than the line is long and wide", async () => {
  await using lab = await Lab.open();
  const content = noise("long line", 500_000);
  await using origin = createServer((_, response) => response.end(content)).listen(0, "127.0.0.1");
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  origin.once("listening", resolve);
  await listening;
  const address = origin.address();
  assert.ok(address && typeof address === "object");
  const properties = { bytesPerSecond: 10_000_000, roundTripMs: 40 };
  const url = `http://127.0.0.1:${address.port}`;
  await using line = await LongLine.start(lab, url, properties);

  const startMs = performance.now();
  const answers = await Promise.all([ask(line.url), ask(line.url)]);
  const tookMs = performance.now() - startMs;

  for (const { bytes } of answers) assert.ok(bytes.equals(content));
  // A round trip to connect, one to ask, and both answers through the one line; less what a timer may be early.
  assert.ok(tookMs >= 2 * 40 + 2 * 50 - 5, `${tookMs} ms`);
});
