import type { DescribedCommand, DescribedOption } from "../described.ts";
import { allCommands, type Candidates, operandsOf, valuesOf, type Word } from "./candidates.ts";

/** A script for zsh, to be sourced or put into `fpath` as `_sluice`: a function for each command. */
export function zshCompletion(program: DescribedCommand): string {
  const functions = allCommands(program).map((command) => functionOf(command, program));
  return `#compdef sluice
# Completion of sluice for zsh, made by: sluice completion zsh

${functions.join("\n\n")}

if [[ $funcstack[1] == _sluice ]]; then
  _sluice "$@"
else
  compdef _sluice sluice
fi
`;
}

function functionOf(command: DescribedCommand, program: DescribedCommand): string {
  const own = command === program ? [] : command.options;
  const specs = [
    ...[...own, ...program.options].flatMap(optionSpecs),
    ...["-h", "--help"].map((flag) => quoted(`${flag}[explain the command]`)),
  ];
  const name = functionNameOf(command.path);
  const operands = operandsOf(command, program);
  if (command.commands.length === 0 || operands.kind !== "words") {
    return `${name}() {
  _arguments \\
${lines([...specs, ...operandSpecs(operands)])}
}`;
  }
  return `${name}() {
  local curcontext=$curcontext state line
  _arguments -C \\
${lines([...specs, "'1: :->command' '*:: :->rest'"])} && return
  case $state in
    command)
      local -a commands=(
${operands.words.map((word) => `        ${describedWord(word)}`).join("\n")}
      )
      _describe command commands ;;
    rest)
      case $words[1] in
${command.commands.map((one) => `        ${one.path.at(-1)}) ${functionNameOf(one.path)} ;;`).join("\n")}
      esac ;;
  esac
}`;
}

function lines(specs: readonly string[]): string {
  return specs.map((spec) => `    ${spec}`).join(" \\\n");
}

/** None for what cannot be known: zsh would then offer a message beside the options, and complete none of them. */
function operandSpecs(operands: Candidates): readonly string[] {
  return operands.kind === "unknown" ? [] : [quoted(`*: :${actionOf(operands)}`)];
}

function functionNameOf(path: readonly string[]): string {
  return ["_sluice", ...path].join("_");
}

function optionSpecs(option: DescribedOption): readonly string[] {
  const { flags, value, description } = option;
  const explained = `[${description.replace(/[\\[\]:]/g, "\\$&")}]`;
  return flags.map((flag) => {
    if (value === null) return quoted(`${flag}${explained}`);
    return quoted(`${flag}=${explained}:${value}:${actionOf(valuesOf(option))}`);
  });
}

function actionOf(candidates: Candidates): string {
  switch (candidates.kind) {
    case "words":
      return `(${candidates.words.map(({ word }) => word).join(" ")})`;
    case "files":
      return "_files";
    case "directories":
      return "_files -/";
    case "unknown":
      return " ";
  }
}

function describedWord({ word, description }: Word): string {
  return quoted(`${word}:${description.replace(/[\\:]/g, "\\$&")}`);
}

/** In single quotes, which hold everything but themselves. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
