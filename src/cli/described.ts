import type { Command, Help, Option } from "commander";

/** A command as its grammar describes it: what the reference, the man page and the completions are made of. */
export interface DescribedCommand {
  /** The words that call it, without `sluice`; none for the program itself. */
  readonly path: readonly string[];
  /** Under which its parent lists it. */
  readonly group: string;
  readonly description: string;
  /** Such as `sluice config check [options]`. */
  readonly usage: string;
  readonly arguments: readonly DescribedTerm[];
  /** Without --help, and those of the program, which every command takes. */
  readonly options: readonly DescribedOption[];
  /** What its help says below its options; lines that begin with spaces stand as they are. */
  readonly text: string;
  readonly commands: readonly DescribedCommand[];
}

export interface DescribedTerm {
  /** As the help writes it: `--to <size>`. */
  readonly term: string;
  readonly description: string;
  /** What its value may be; null for anything. */
  readonly choices: readonly string[] | null;
}

export interface DescribedOption extends DescribedTerm {
  /** `-V` and `--version`, as far as it has them. */
  readonly flags: readonly string[];
  /** The name of its value, such as `file`; null for a switch. */
  readonly value: string | null;
}

/** The whole grammar below `command`, which is not to be run any more. */
export function described(command: Command, path: readonly string[] = []): DescribedCommand {
  const help = command.createHelp();
  return {
    path,
    group: command.helpGroup(),
    description: help.commandDescription(command),
    usage: help.commandUsage(command),
    arguments: command.registeredArguments.map((argument) => ({
      term: help.argumentTerm(argument),
      description: help.argumentDescription(argument),
      choices: argument.argChoices ?? null,
    })),
    options: help
      .visibleOptions(command)
      .filter(({ long }) => long !== "--help")
      .map((option) => describedOption(help, option)),
    text: textBelow(command),
    commands: help.visibleCommands(command).map((one) => described(one, [...path, one.name()])),
  };
}

function describedOption(help: Help, option: Option): DescribedOption {
  return {
    term: help.optionTerm(option),
    description: help.optionDescription(option),
    choices: option.argChoices ?? null,
    flags: [option.short, option.long].filter((flag) => flag !== undefined),
    value: /<([^<>]+)>/.exec(option.flags)?.[1] ?? null,
  };
}

/** What `addHelpText` added: all that is written after the help that commander makes itself. */
function textBelow(command: Command): string {
  const written: string[] = [];
  command.configureOutput({ writeOut: (text) => void written.push(text) });
  command.outputHelp();
  return written.slice(1).join("").trim();
}
