import type { Command } from "commander";

/**
 * In the place of commander's own, which knows no commands of commands and says nothing of a wrong name. To be added when
 * all others are.
 */
export function addHelp(program: Command): void {
  pointToThis(program, []);
  program
    .command("help")
    .description("explain a command")
    .argument("[command...]", "its name; nothing for a list of all")
    .addHelpText("after", helpHelp)
    .action(async (path: readonly string[]) => (await named(program, path)).help());
}

function pointToThis(command: Command, path: readonly string[]): void {
  command.helpCommand(false);
  command.showHelpAfterError(`(${["sluice", "help", ...path].join(" ")} explains)`);
  for (const one of command.commands) pointToThis(one, [...path, one.name()]);
}

async function named(program: Command, path: readonly string[]): Promise<Command> {
  let command = program;
  for (const name of path) {
    const next = command.commands.find((one) => one.name() === name);
    if (!next) await refuse(command, name);
    else command = next;
  }
  return command;
}

/** Rejects with CommanderError, in commander's words for a command that there is not. */
async function refuse(command: Command, name: string): Promise<void> {
  if (command.commands.length === 0) {
    command.error(`error: ${command.name()} has no command '${name}'`);
  }
  await command.parseAsync([name], { from: "user" });
}

const helpHelp = `
Examples:
  sluice help
  sluice help evict           the same as: sluice evict --help
  sluice help config check`;
