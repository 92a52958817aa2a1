import { Argument, type Command } from "commander";
import type { Shell } from "../commands/completion.ts";

const shells: readonly Shell[] = ["bash", "zsh", "fish"];

export function addCompletion(program: Command): void {
  program
    .command("completion")
    .description("print what lets a shell complete commands, options and their values")
    .addArgument(new Argument("<shell>", "which one").choices(shells))
    .addHelpText("after", completionHelp)
    .action(async (shell: Shell) => {
      const { printCompletion } = await import("../commands/completion.ts");
      printCompletion(program, shell);
    });
}

const completionHelp = `
Examples:
  sluice completion bash > /etc/bash_completion.d/sluice
  sluice completion zsh > /usr/local/share/zsh/site-functions/_sluice
  sluice completion fish > ~/.config/fish/completions/sluice.fish
  source <(sluice completion bash)      for this shell only`;
