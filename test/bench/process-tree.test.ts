import assert from "node:assert/strict";
import { createServer } from "node:http";
import { test } from "node:test";
import { writtenBytesOf } from "../../bench/support/process-tree.ts";
import { ask } from "../support/ask.ts";

test("what a process sends is counted as written by it", async () => {
  const sizeBytes = 3_000_000;
  const answer = Buffer.alloc(sizeBytes);
  await using server = createServer((_, response) => response.end(answer)).listen(0, "127.0.0.1");
  const { promise: listening, resolve } = Promise.withResolvers<void>();
  server.once("listening", resolve);
  await listening;
  const address = server.address();
  assert.ok(address && typeof address === "object");

  const before = await writtenBytesOf(process.pid);
  const { bytes } = await ask(`http://127.0.0.1:${address.port}`);
  const written = (await writtenBytesOf(process.pid)) - before;

  assert.equal(bytes.length, sizeBytes);
  assert.ok(written >= sizeBytes, `${written} bytes`);
});
