import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { constants, readSync } from "node:fs";
import { mkdtempDisposable, open, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { LineOutput } from "../../src/telemetry/line-output.ts";
import { eventually } from "../support/eventually.ts";
import { runProgram } from "../support/run-program.ts";

const lineOf = (nth: number): string => `${nth} ${"é€😀 ".repeat(20)}${"x".repeat(nth % 300)}\n`;

test("lines of the log are written in their order, each byte of them", async () => {
  await using scene = await toFile();
  const lines = Array.from({ length: 2_000 }, (_, nth) => lineOf(nth));
  for (const line of lines) scene.output.write(line);

  await scene.output[Symbol.asyncDispose]();

  assert.ok((await readFile(scene.path, "utf8")) === lines.join(""));
});

test("a line of the log that no other follows is written all the same", async () => {
  await using scene = await toFile();

  scene.output.write("alone\n");

  await eventually("it is there", async () => (await readFile(scene.path, "utf8")) === "alone\n");
});

test("letters that a terminal would obey are written as text", async () => {
  await using scene = await toFile();
  scene.output.write('{"a":"\u009b31m"}\n');

  await scene.output[Symbol.asyncDispose]();

  assert.equal(await readFile(scene.path, "utf8"), '{"a":"\\u009b31m"}\n');
});

test("of lines that a full pipe does not take a MiB waits for its reader, and what is lost is whole lines", async () => {
  await using scene = await toPipe();
  const lines = Array.from({ length: 10_000 }, (_, nth) => lineOf(nth));
  for (const line of lines) scene.output.write(line);

  const read = await readUntilAnother(scene);

  assert.ok(read.length > 500_000 && read.length < 1_500_000, String(read.length));
  const numbers = [...read.matchAll(/^\d+/gm)].map(Number);
  assert.ok(read === numbers.map(lineOf).join(""));
});

test("the output of the log ends although nobody takes the last lines", async () => {
  for (const path of ["pipe", "/dev/full"]) {
    await using scene = path === "pipe" ? await toPipe() : await toPath(path);
    for (let nth = 0; nth < 2_000; nth++) scene.output.write(lineOf(nth));

    // A wait without an end would never come back.
    await assert.doesNotReject(scene.output[Symbol.asyncDispose]());
  }
});

test("the output of the log writes nothing after its end", async () => {
  await using scene = await toFile();
  scene.output.write("in time\n");
  await scene.output[Symbol.asyncDispose]();

  scene.output.write("too late\n");
  scene.output.writeAtOnce();

  assert.equal(await readFile(scene.path, "utf8"), "in time\n");
});

test("lines that wait are written at once where there is no time", async () => {
  await using scene = await toFile();
  const lines = Array.from({ length: 20 }, (_, nth) => lineOf(nth));
  for (const line of lines) scene.output.write(line);

  scene.output.writeAtOnce();

  assert.equal(await readFile(scene.path, "utf8"), lines.join(""));
});

test("a process that a bug ends has written its last lines", async () => {
  const module = new URL("../../src/telemetry/log.ts", import.meta.url);
  const program = `const { openLog } = await import(${JSON.stringify(module.href)});
    openLog("info", false).log.info("last words");
    throw new Error("a bug");`;

  const { stdout, stderr } = await runProgram(process.execPath, [
    "--input-type=module",
    "-e",
    program,
  ]);

  assert.equal(JSON.parse(stdout).msg, "last words");
  assert.match(stderr, /a bug/);
});

interface Scene extends AsyncDisposable {
  readonly output: LineOutput;
  readonly path: string;
  /** What the lines can be read from again. */
  readonly descriptor: number;
}

async function toFile(): Promise<Scene> {
  const directory = await mkdtempDisposable(join(tmpdir(), "sluice-lines-"));
  return await toPath(join(directory.path, "lines"), directory);
}

/** Full after 64 KiB, and then it refuses what is written. */
async function toPipe(): Promise<Scene> {
  const directory = await mkdtempDisposable(join(tmpdir(), "sluice-lines-"));
  const path = join(directory.path, "pipe");
  await promisify(execFile)("mkfifo", [path]);
  return await toPath(path, directory, constants.O_RDWR | constants.O_NONBLOCK);
}

async function toPath(
  path: string,
  directory?: AsyncDisposable,
  flags: string | number = "a",
): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  if (directory) stack.use(directory);
  const file = stack.use(await open(path, flags));
  const output = stack.use(new LineOutput(file.fd));
  const resources = stack.move();
  const end = (): Promise<void> => resources.disposeAsync();
  return { output, path, descriptor: file.fd, [Symbol.asyncDispose]: end };
}

/** All that comes before a line that is written when there is room again. */
async function readUntilAnother(scene: Scene): Promise<string> {
  const read: Buffer[] = [];
  return await eventually("another line is written", () => {
    scene.output.write("another\n");
    read.push(readSome(scene));
    const [before, after] = Buffer.concat(read).toString().split("another\n", 2);
    return after !== undefined && before !== undefined && before;
  });
}

function readSome({ descriptor }: Scene): Buffer {
  const buffer = Buffer.alloc(64 * 1024);
  try {
    return buffer.subarray(0, readSync(descriptor, buffer));
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "EAGAIN")
      return buffer.subarray(0, 0);
    throw error;
  }
}
