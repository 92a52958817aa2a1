import assert from "node:assert/strict";
import { mkdtempDisposable, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { eventually } from "../support/eventually.ts";
import { type RunOptions, runProgram } from "../support/run-program.ts";
import { ServerProcess } from "../support/server-process.ts";

const demo: string = fileURLToPath(new URL("../../demo/demo.ts", import.meta.url));

// Where the colours of whoever runs the tests are not asked for.
const { FORCE_COLOR: _, ...plain } = process.env;

test("the demo pulls cold, warm and without the upstream, says what was asked of whom, and ends", async () => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "demo-"));

  const { code, stdout, stderr } = await runProgram(process.execPath, [demo], within(scratch.path));

  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  const [cold = "", warm = "", alone = "", stats = ""] = stdout
    .split(/^(?:\d\. |\$ ).*$/m)
    .slice(1);
  assert.deepEqual(cacheWords(cold), ["-", "miss", "miss", "miss", "miss", "miss"]);
  assert.match(cold, /^GET {2}blobs\/sha256:\w+ +200$/m);
  assert.match(cold, /The client got 16 MiB in [\d.]+ ms; upstream sent 16 MiB\./);
  assert.deepEqual(cacheWords(warm), ["-", "revalidated", "hit", "hit", "hit", "hit"]);
  assert.deepEqual(upstreamRequests(warm), ["HEAD manifests/latest 200"]);
  assert.deepEqual(cacheWords(alone), ["-", "stale", "hit", "hit", "hit", "hit"]);
  assert.deepEqual(upstreamRequests(alone), ["no request came"]);
  assert.match(alone, /The client got 16 MiB in [\d.]+ ms; upstream sent 0 B\./);
  assert.match(stats, /^docker\.io +15 +9 +5 +1 +0 +48 MiB +16 MiB +66\.7%$/m);
  assert.match(stats, /Three pulls took 48 MiB, and upstream sent 16 MiB of it, once\./);
  assert.deepEqual(await readdir(scratch.path), []);
});

test("what the demo prints fits 80 columns and has no colour where nobody would see it", async () => {
  const { stdout } = await runProgram(process.execPath, [demo], { env: plain });

  assert.ok(!stdout.includes("\x1b"));
  // The line with the path of the storage directory is as long as that is.
  const lines = stdout.split("\n").filter((line) => !line.startsWith("stored "));
  assert.deepEqual(
    lines.filter((line) => line.length > 80 || line !== line.trimEnd()),
    [],
  );
});

test("a demo that is interrupted ends its mirror, removes its files and says so", async () => {
  await using scratch = await mkdtempDisposable(join(tmpdir(), "demo-"));
  await using running = new ServerProcess(process.execPath, [demo], within(scratch.path));
  await eventually("the first pull", () => running.stdout.includes("1. Cold"));

  running.kill("SIGINT");

  assert.deepEqual(await running.exit(), { code: 130, signal: null });
  assert.equal(running.stderr, "demo: SIGINT: the demo ends early\n");
  assert.deepEqual(await readdir(scratch.path), []);
});

test("a demo that cannot run says why and ends with 1", async () => {
  const nowhere = join(tmpdir(), "no-such-directory");

  const { code, stderr } = await runProgram(process.execPath, [demo], within(nowhere));

  assert.equal(code, 1);
  assert.match(stderr, /^demo: ENOENT: .*no-such-directory.*\n$/);
});

/** The surroundings in which temporary files are put into `directory`. */
function within(directory: string): RunOptions {
  return { env: { ...plain, TMPDIR: directory } };
}

/** The cache column of the client's table. */
function cacheWords(act: string): string[] {
  return [...act.matchAll(/^GET +\S+ +200 {2}(\S+) .* ms$/gm)].map(([, word = ""]) => word);
}

/** The lines of upstream's table, single-spaced. */
function upstreamRequests(act: string): string[] {
  const [, table = ""] = act.split(/^mirror -> upstream .*\n/m);
  const [lines = ""] = table.split("\n\n");
  return lines.split("\n").map((line) => line.replace(/ +/g, " "));
}
