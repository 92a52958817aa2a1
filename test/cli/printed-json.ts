import assert from "node:assert/strict";
import { assertGolden, withoutVolatile } from "../support/golden.ts";
import type { CommandScene } from "./command-scene.ts";

/** Runs it with --json, by the mirror's clock; what it prints is what the golden file of that name holds. */
export async function assertPrinted(
  scene: CommandScene,
  file: string,
  args: readonly string[],
  exitCode = 0,
): Promise<void> {
  const { code, stdout, stderr } = await scene.runByItsClock(...args, "--json");
  assert.equal(code, exitCode, stderr);
  const stable = withoutVolatile(ordered(file, stdout), scene.directory);
  await assertGolden(new URL(`golden/${file}`, import.meta.url), stable);
}

/** The same beside the daemon and, once that has stopped, without one. */
export async function assertPrintedInBoth(
  scene: CommandScene,
  file: string,
  args: readonly string[],
  exitCode = 0,
): Promise<void> {
  await assertPrinted(scene, file, args, exitCode);
  await scene.stop();
  await assertPrinted(scene, file, args, exitCode);
}

/** Lines come as the work goes; the last one is the last. */
function ordered(file: string, text: string): string {
  if (!file.endsWith(".jsonl")) return text;
  const lines = text.trimEnd().split("\n");
  return `${[...lines.slice(0, -1).sort(), ...lines.slice(-1)].join("\n")}\n`;
}
