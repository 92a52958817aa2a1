import { glob, mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { type EventData, run, type TestsStream } from "node:test";
import { spec } from "node:test/reporters";
import { fileURLToPath, pathToFileURL } from "node:url";
import { inspect, parseArgs } from "node:util";
import { SeededRandom } from "./support/seeded-random.ts";
import { SlowestTests } from "./support/slowest-tests.ts";
import { testProcesses } from "./support/test-processes.ts";

const usage = `node test/run.ts [--runs N] [--seed N] [--apart] [--stutter MS] [FILE...]

Runs all tests, or those in FILE..., in random order.

  --runs N      so many times, each with the next seed, and prints what failed only
  --seed N      in the order of that seed
  --apart       each file in a process of its own, as files that are named always are
  --stutter MS  on a machine that stands still now and then, for up to MS milliseconds`;

// More than the two cores of a small machine, for many tests wait.
const processes = 3;

// Longer than all files of a process take on the slowest machine: a process that hangs ends, and is named.
const longestMs = 15 * 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    runs: { type: "string", default: "1" },
    seed: { type: "string" },
    apart: { type: "boolean", default: false },
    stutter: { type: "string" },
    help: { type: "boolean", default: false },
  },
});
if (values.help) console.log(usage);
else await runAll();

async function runAll(): Promise<void> {
  setEnvironment();
  const runs = Number(values.runs);
  const seed = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
  let failures = 0;
  for (let at = 0; at < runs; at++) failures += await runOnce(seed + at, runs > 1);
  if (runs > 1) console.log(`${runs} runs: ${failures} failed`);
  process.exitCode = failures > 0 ? 1 : 0;
}

/** What all processes inherit, those that tests start too. */
function setEnvironment(): void {
  // Half of the time of most processes went into stripping types and compiling.
  process.env["NODE_COMPILE_CACHE"] ??= fromRoot("node_modules/.cache/compiled");
  if (values.stutter === undefined) return;
  process.env["SLUICE_TEST_STUTTER_MS"] = values.stutter;
  const preload = pathToFileURL(fromRoot("test/support/stutter.ts")).href;
  process.env["NODE_OPTIONS"] = `${process.env["NODE_OPTIONS"] ?? ""} --import=${preload}`.trim();
}

/** The number of tests that failed. */
async function runOnce(seed: number, quiet: boolean): Promise<number> {
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-tests-"));
  const random = new SeededRandom(seed);
  const files = await testFiles();
  const apart = values.apart || positionals.length > 0;
  const stream = run({
    files: apart
      ? random.shuffle(files)
      : await testProcesses(files, { directory: home.path, random }),
    concurrency: processes,
    timeout: longestMs,
    execArgv: [`--test-random-seed=${seed}`],
  });
  const slowest = new SlowestTests(10);
  let failures = 0;
  stream.on("test:pass", (event) => slowest.add(event));
  stream.on("test:fail", (event) => {
    slowest.add(event);
    if (isOfItsChildren(event)) return;
    failures++;
    if (quiet) console.log(`✖ ${event.name} (${placeOf(event)})\n${inspect(causeOf(event))}`);
  });
  await ended(stream, quiet);
  if (quiet) console.log(`seed ${seed}: ${failures} failed`);
  else console.log(`\nThe slowest tests:\n${slowest.lines.join("\n")}\n\nseed: ${seed}`);
  return failures;
}

async function testFiles(): Promise<string[]> {
  if (positionals.length > 0) return positionals;
  const found = await Array.fromAsync(glob("test/**/*.test.ts", { cwd: fromRoot(".") }));
  // The file system's order is any; a seed is to mean the same on each machine.
  return found.sort().map((file) => relative("", fromRoot(file)));
}

async function ended(stream: TestsStream, quiet: boolean): Promise<void> {
  if (quiet) {
    for await (const _event of stream);
    return;
  }
  for await (const text of stream.compose(new spec())) process.stdout.write(text);
}

/** Whether a test failed for nothing but tests within it, which tell for themselves. */
function isOfItsChildren({ details }: EventData.TestFail): boolean {
  return "failureType" in details.error && details.error.failureType === "subtestsFailed";
}

function causeOf({ details }: EventData.TestFail): unknown {
  return details.error.cause ?? details.error;
}

function placeOf({ file = "", line }: EventData.TestFail): string {
  return `${relative("", file)}:${line}`;
}

function fromRoot(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
