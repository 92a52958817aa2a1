import assert from "node:assert/strict";
import { assertGolden, withoutVolatile } from "../support/golden.ts";
import type { CommandScene } from "./command-scene.ts";
import type { Outcome } from "./run-sluice.ts";

/** Runs it with --json, by the mirror's clock; what it prints is what the golden file of that name holds. */
export async function assertPrinted(
  scene: CommandScene,
  file: string,
  args: readonly string[],
  exitCode = 0,
): Promise<void> {
  const printed = await scene.runByItsClock(...args, "--json");
  await assertIsGolden(printed, { file, directory: scene.directory, exitCode });
}

/** The same beside the daemon and, once that has stopped, without one. */
export async function assertPrintedInBoth(
  scene: CommandScene,
  file: string,
  args: readonly string[],
  exitCode = 0,
): Promise<void> {
  await assertPrinted(scene, file, args, exitCode);
  await assertPrintedAlone(scene, file, args, exitCode);
}

/** The same by a process, once the daemon has stopped. */
export async function assertPrintedAlone(
  scene: CommandScene,
  file: string,
  args: readonly string[],
  exitCode = 0,
): Promise<void> {
  await scene.stop();
  // What it opens by itself may not keep it from ending.
  const printed = await scene.runProcessByItsClock(...args, "--json");
  await assertIsGolden(printed, { file, directory: scene.directory, exitCode });
}

interface Golden {
  readonly file: string;
  /** Is named differently in each run. */
  readonly directory: string;
  readonly exitCode: number;
}

async function assertIsGolden(
  { code, stdout, stderr }: Outcome,
  { file, directory, exitCode }: Golden,
): Promise<void> {
  assert.equal(code, exitCode, stderr);
  const stable = withoutVolatile(ordered(file, stdout), directory);
  await assertGolden(new URL(`golden/${file}`, import.meta.url), stable);
}

/** Lines come as the work goes; the last one is the last. */
function ordered(file: string, text: string): string {
  if (!file.endsWith(".jsonl")) return text;
  const lines = text.trimEnd().split("\n");
  return `${[...lines.slice(0, -1).sort(), ...lines.slice(-1)].join("\n")}\n`;
}
