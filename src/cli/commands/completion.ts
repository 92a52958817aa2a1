import type { Command } from "commander";
import { bashCompletion } from "../completion/bash.ts";
import { fishCompletion } from "../completion/fish.ts";
import { zshCompletion } from "../completion/zsh.ts";
import { type DescribedCommand, described } from "../described.ts";

export type Shell = "bash" | "zsh" | "fish";

const scripts: Readonly<Record<Shell, (program: DescribedCommand) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** `sluice completion`: made of the grammar as it is, which is not to be run any more. */
export function printCompletion(program: Command, shell: Shell): void {
  process.stdout.write(scripts[shell](described(program)));
}
