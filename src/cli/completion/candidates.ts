import type { DescribedCommand, DescribedOption, DescribedTerm } from "../described.ts";

/** What a shell is to offer in some place. */
export type Candidates =
  | { readonly kind: "words"; readonly words: readonly Word[] }
  | { readonly kind: "files" }
  | { readonly kind: "directories" }
  /** Something that only whoever types knows. */
  | { readonly kind: "unknown" };

export interface Word {
  readonly word: string;
  readonly description: string;
}

/** A command with its path, and every one below it. */
export function allCommands(command: DescribedCommand): readonly DescribedCommand[] {
  return [command, ...command.commands.flatMap(allCommands)];
}

/** What a command takes that is no option: commands of its own, or its arguments. */
export function operandsOf(command: DescribedCommand, program: DescribedCommand): Candidates {
  const { commands } = command.path[0] === "help" ? program : command;
  if (commands.length > 0) return { kind: "words", words: commands.map(wordOf) };
  const [first] = command.arguments;
  return first ? candidatesFor(first, first.term) : { kind: "unknown" };
}

/** What an option's value may be. */
export function valuesOf(option: DescribedOption): Candidates {
  return candidatesFor(option, option.value ?? "");
}

/** A description as lists show it: as it was written, without what makes it a sentence. */
function wordOf({ path, description }: DescribedCommand): Word {
  const text = description.replace(/\.$/, "");
  return { word: path.at(-1) ?? "", description: text };
}

function candidatesFor({ choices }: DescribedTerm, name: string): Candidates {
  if (choices) return { kind: "words", words: choices.map((word) => ({ word, description: "" })) };
  if (/^file\b/.test(name)) return { kind: "files" };
  return /^directory\b/.test(name) ? { kind: "directories" } : { kind: "unknown" };
}
