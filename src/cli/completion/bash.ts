// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of a shell.
import type { DescribedCommand } from "../described.ts";
import { allCommands, type Candidates, operandsOf, valuesOf } from "./candidates.ts";

/** A script for bash: `_sluice` finds out which command is being typed, and offers what may come next. */
export function bashCompletion(program: DescribedCommand): string {
  const commands = allCommands(program);
  const paths = commands.filter(({ path }) => path.length > 0).map(({ path }) => quoted(path));
  const flags = commands
    .flatMap(({ options }) => options)
    .filter(({ value }) => value !== null)
    .flatMap((option) => option.flags);
  return `# Completion of sluice for bash, made by: sluice completion bash
_sluice() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]}
  local path='' skip='' options='' operands='' word i
  # "--config=FILE" comes in three words.
  [[ $cur == = ]] && cur=''
  [[ $prev == = ]] && prev=\${COMP_WORDS[COMP_CWORD-2]}
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    if [[ $skip && $word != = ]]; then skip=''; continue; fi
    case "$path $word" in
      ${paths.join(" | ")}) path="$path $word" ;;
      *) case $word in ${[...new Set(flags)].join(" | ")}) skip=1 ;; esac ;;
    esac
  done
  case "$path $prev" in
${valueCases(commands).join("\n")}
  esac
  case "$path" in
${commands.map((command) => commandCase(command, program)).join("\n")}
  esac
  [[ $cur == -* || -z $operands ]] && operands=$options
  mapfile -t COMPREPLY < <(compgen -W "$operands" -- "$cur")
}
complete -F _sluice sluice
`;
}

function quoted(path: readonly string[]): string {
  return `"${path.map((word) => ` ${word}`).join("")}"`;
}

function valueCases(commands: readonly DescribedCommand[]): readonly string[] {
  return commands.flatMap(({ path, options }) =>
    options
      .filter(({ value }) => value !== null)
      .map((option) => {
        // What the program takes stands behind any command too.
        const before = path.length === 0 ? "*" : "";
        const patterns = option.flags.map((flag) => `${before}${quoted([...path, flag])}`);
        return `    ${patterns.join(" | ")}) ${offered(valuesOf(option))}return ;;`;
      }),
  );
}

function offered(candidates: Candidates): string {
  switch (candidates.kind) {
    case "words": {
      const words = candidates.words.map(({ word }) => word).join(" ");
      return `mapfile -t COMPREPLY < <(compgen -W "${words}" -- "$cur"); `;
    }
    case "files":
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -f -- "$cur"); ';
    case "directories":
      return 'compopt -o filenames 2>/dev/null; mapfile -t COMPREPLY < <(compgen -d -- "$cur"); ';
    case "unknown":
      return "";
  }
}

function commandCase(command: DescribedCommand, program: DescribedCommand): string {
  const operands = operandsOf(command, program);
  const words = operands.kind === "words" ? operands.words.map(({ word }) => word) : [];
  const own = command === program ? [] : command.options;
  const flags = [...own, ...program.options].flatMap((option) => option.flags);
  const options = [...flags, "-h", "--help"].filter((flag) => flag.startsWith("--"));
  return `    ${quoted(command.path)}) operands='${words.join(" ")}' options='${options.join(" ")}' ;;`;
}
