import type { DescribedCommand, DescribedOption } from "../described.ts";
import { allCommands, type Candidates, operandsOf, valuesOf } from "./candidates.ts";

/** A script for fish: `__sluice_at PATH` is true where that command is being typed. */
export function fishCompletion(program: DescribedCommand): string {
  const commands = allCommands(program);
  const paths = commands.filter(({ path }) => path.length > 0).map(({ path }) => path.join(" "));
  const flags = commands
    .flatMap(({ options }) => options)
    .filter(({ value }) => value !== null)
    .flatMap((option) => option.flags);
  return `# Completion of sluice for fish, made by: sluice completion fish
function __sluice_at
    set -l words (commandline -opc)
    set -l path ''
    set -l skip 0
    for word in $words[2..-1]
        if test $skip = 1
            set skip 0
        else if contains -- (string trim -- "$path $word") ${paths.map(quoted).join(" ")}
            set path (string trim -- "$path $word")
        else if contains -- $word ${[...new Set(flags)].join(" ")}
            set skip 1
        end
    end
    test "$path" = "$argv[1]"
end
complete -c sluice -f
complete -c sluice -s h -l help -d ${quoted("explain the command")}
${program.options.map((option) => optionLine(option, null)).join("\n")}
${commands.flatMap((command) => linesOf(command, program)).join("\n")}
`;
}

function linesOf(command: DescribedCommand, program: DescribedCommand): readonly string[] {
  const at = command.path.join(" ");
  const own = command === program ? [] : command.options;
  return [
    ...operandLines(operandsOf(command, program), at),
    ...own.map((option) => optionLine(option, at)),
  ];
}

function operandLines(candidates: Candidates, at: string): readonly string[] {
  const line = `complete -c sluice -n ${quoted(`__sluice_at ${quoted(at)}`)}`;
  switch (candidates.kind) {
    case "words":
      return candidates.words.map(
        ({ word, description }) => `${line} -a ${quoted(word)} -d ${quoted(description)}`,
      );
    case "files":
      return [`${line} -F`];
    case "directories":
      return [`${line} -a '(__fish_complete_directories)'`];
    case "unknown":
      return [];
  }
}

function optionLine(option: DescribedOption, at: string | null): string {
  const where = at === null ? "" : ` -n ${quoted(`__sluice_at ${quoted(at)}`)}`;
  const flags = option.flags.map((flag) =>
    flag.startsWith("--") ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`,
  );
  const value = option.value === null ? "" : ` ${valueFlags(valuesOf(option))}`;
  return `complete -c sluice${where} ${flags.join(" ")}${value} -d ${quoted(option.description)}`;
}

function valueFlags(candidates: Candidates): string {
  switch (candidates.kind) {
    case "words":
      return `-x -a ${quoted(candidates.words.map(({ word }) => word).join(" "))}`;
    case "files":
      return "-r -F";
    case "directories":
      return "-x -a '(__fish_complete_directories)'";
    case "unknown":
      return "-x";
  }
}

/** In single quotes, in which a backslash and a quote alone mean anything else than themselves. */
function quoted(text: string): string {
  return `'${text.replace(/[\\']/g, "\\$&")}'`;
}
