import type { ExplainedKey } from "../src/config/schema/key-list.ts";
import { markdownTable } from "./markdown-table.ts";

/** The keys of the configuration as Markdown: what `sluice config explain` says of each. */
export function configReference(keys: readonly ExplainedKey[]): string {
  const rows = keys.map(({ path, byDefault, description, example }) => [
    `\`${path}\``,
    code(byDefault),
    description,
    code(example),
  ]);
  return `# Configuration

Made by \`npm run docs\` from the definitions by which the file is checked: \`sluice config explain\` says the same.
\`HOST\` is the name of an upstream, \`[]\` stands for each entry of a list.

${markdownTable(["key", "default", "meaning", "example"], rows)}
`;
}

function code(value: string | null): string {
  return value === null ? "" : `\`${value}\``;
}
