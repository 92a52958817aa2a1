import { type ExplainedKey, explainedKeys } from "../config/key-list.ts";
import { unknownKey } from "../config/unknown-key.ts";
import { CommandError } from "./command-error.ts";
import { wrapped } from "./wrapped.ts";

const usualColumns = 80;

const indent = "  ";

/** `sluice config explain`: all keys, or one with those below it. Rejects with CommandError if there is none of the name. */
export function explainConfig(asked: string | undefined): void {
  const all = explainedKeys();
  const shown = all.filter(({ path }) => asked === undefined || isAtOrBelow(path, asked));
  if (asked !== undefined && shown.length === 0) {
    const known = all.map(({ path }) => path);
    throw new CommandError(`${asked}: ${unknownKey(asked, known)}`);
  }
  const { columns = usualColumns } = process.stdout;
  process.stdout.write(`${shown.map((key) => render(key, columns)).join("\n\n")}\n`);
}

function isAtOrBelow(path: string, asked: string): boolean {
  return path === asked || [".", "[]."].some((step) => path.startsWith(asked + step));
}

function render({ path, description, byDefault, example }: ExplainedKey, columns: number): string {
  const values = [
    byDefault === null ? null : `default ${byDefault}`,
    example === null ? null : `for example ${example}`,
  ].filter((text) => text !== null);
  const text = wrapped(description, columns - indent.length);
  const lines = values.length === 0 ? text : [...text, values.join(", ")];
  return [path, ...lines.map((line) => `${indent}${line}`)].join("\n");
}
