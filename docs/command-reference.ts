import type { DescribedCommand, DescribedTerm } from "../src/cli/described.ts";
import { markdownTable } from "./markdown-table.ts";
import { type Passage, passagesOf } from "./passages.ts";

/** The commands as Markdown: what `sluice help` says of each. */
export function commandReference(program: DescribedCommand): string {
  const parts = [
    "# Commands",
    "Made by `npm run docs` from the definitions that the program itself goes by: `sluice help` says the same.",
    contentsOf(program),
    ...sectionsOf(program),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function contentsOf(program: DescribedCommand): string {
  const groups = Map.groupBy(program.commands, ({ group }) => group);
  return [...groups]
    .map(([group, commands]) => {
      const rows = commands
        .flatMap(leaves)
        .map((command) => [linkTo(command), command.description]);
      return `**${group}**\n\n${markdownTable(["command", ""], rows)}`;
    })
    .join("\n\n");
}

/** The commands that do something. */
function leaves(command: DescribedCommand): readonly DescribedCommand[] {
  return command.commands.length === 0 ? [command] : command.commands.flatMap(leaves);
}

function linkTo({ path }: DescribedCommand): string {
  return `[\`${path.join(" ")}\`](#sluice-${path.join("-")})`;
}

function sectionsOf(command: DescribedCommand): string[] {
  const { path, usage, description, commands } = command;
  return [
    `## ${["sluice", ...path].join(" ")}`,
    description,
    `\`\`\`\n${usage}\n\`\`\``,
    termsTable("argument", command.arguments),
    termsTable("option", command.options),
    ...passagesOf(command.text).map(markdownOf),
    ...commands.flatMap(sectionsOf),
  ];
}

function termsTable(title: string, terms: readonly DescribedTerm[]): string {
  if (terms.length === 0) return "";
  const rows = terms.map(({ term, description }) => [`\`${term}\``, description]);
  return markdownTable([title, ""], rows);
}

function markdownOf({ kind, lines }: Passage): string {
  if (kind === "prose") return lines.join("\n");
  return ["```sh", ...lines, "```"].join("\n");
}
