import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { open } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { sluice } from "./run-sluice.ts";

test("a command whose output nobody reads on ends without a word, as by SIGPIPE", async () => {
  const child = spawn(sluice, ["--help"], { stdio: ["ignore", "pipe", "pipe"] });
  // Long before the command can have written anything.
  child.stdout.destroy();

  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);

  assert.deepEqual([code, stderr], [141, ""]);
});

test("a command whose output finds no room says so in a sentence", async () => {
  await using full = await open("/dev/full", "w");
  const child = spawn(sluice, ["config", "schema"], { stdio: ["ignore", full.fd, "pipe"] });
  assert.ok(child.stderr);

  const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, "exit")]);

  assert.equal(code, 1);
  assert.match(stderr, /^sluice: cannot write to standard output: .*ENOSPC.*\n$/);
});
