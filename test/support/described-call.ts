import type { DescribedCommand, DescribedOption } from "../../src/cli/described.ts";

/** What sluice would refuse of these arguments, by its grammar. Options of the program stand behind the command. */
export function refusedIn(program: DescribedCommand, call: readonly string[]): string[] {
  const { command, rest } = descend(program, call);
  const options = [...command.options, ...program.options];
  const refused = rest.filter((word, at) =>
    word.startsWith("-") ? !optionOf(word, options) : !mayStand(rest.slice(0, at)),
  );
  const kind = command.commands.length > 0 ? "command" : "argument";
  return refused.map((word) => `no ${word.startsWith("-") ? "option" : kind} ${word}`);

  /** As the command's argument, or as a value of the option before it. */
  function mayStand(before: readonly string[]): boolean {
    const flag = before.findLast((word) => word.startsWith("-"));
    const option = flag === undefined ? null : optionOf(flag, options);
    return command.arguments.length > 0 || typeof option?.value === "string";
  }
}

function descend(
  command: DescribedCommand,
  [word, ...rest]: readonly string[],
): { readonly command: DescribedCommand; readonly rest: readonly string[] } {
  const next = command.commands.find(({ path }) => path.at(-1) === word);
  if (next) return descend(next, rest);
  return { command, rest: word === undefined ? [] : [word, ...rest] };
}

function optionOf(
  word: string,
  options: readonly DescribedOption[],
): Pick<DescribedOption, "value"> | undefined {
  const [flag = ""] = word.split("=", 1);
  if (flag === "--help") return { value: null };
  return options.find(({ flags }) => flags.includes(flag));
}
