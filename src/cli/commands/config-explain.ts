import { type ExplainedKey, explainedKeys } from "../../config/schema/key-list.ts";
import { nearestKey, unknownKey } from "../../config/schema/unknown-key.ts";
import { WrongUsage } from "../command-error.ts";
import { terminal } from "../output/terminal.ts";
import { wrapped } from "../output/wrapped.ts";

const indent = "  ";

const anyHost = "upstreams.HOST";

/** `sluice config explain`: all keys, or one with those below it. Throws WrongUsage if there is none of the name. */
export function explainConfig(asked: string | undefined): void {
  const all = explainedKeys();
  const known = all.map(({ path }) => path);
  const meant = asked === undefined ? null : ofAnyHost(asked, known);
  const shown = all.filter(({ path }) => meant === null || isAtOrBelow(path, meant));
  if (meant !== null && shown.length === 0) {
    // Of some sixty keys those are enough to go on with that nothing stands before.
    const near =
      nearestKey(meant, known) === null ? known.filter((path) => !path.includes(".")) : known;
    throw new WrongUsage(`${asked}: ${unknownKey(meant, near)}`);
  }
  const { widthChars } = terminal();
  process.stdout.write(`${shown.map((key) => render(key, widthChars)).join("\n\n")}\n`);
}

/** What a configuration says of one upstream, `upstreams.ghcr.io.proxy`, is explained for any: `upstreams.HOST.proxy`. */
function ofAnyHost(asked: string, known: readonly string[]): string {
  if (!asked.startsWith("upstreams.") || isAtOrBelow(asked, anyHost)) return asked;
  const tails = known
    .filter((path) => path.startsWith(`${anyHost}.`))
    .map((path) => path.slice(anyHost.length));
  const tail = tails
    .toSorted((one, other) => other.length - one.length)
    .find((end) => asked.endsWith(end));
  return anyHost + (tail ?? misspelt(asked, tails));
}

/** The end of it, if a key of an upstream was meant by that and not a part of its name. */
function misspelt(asked: string, tails: readonly string[]): string {
  const end = asked.slice(asked.lastIndexOf(".") + 1);
  const keys = tails.map((tail) => tail.slice(1)).filter((key) => /^\w+$/.test(key));
  return nearestKey(end, keys) === null ? "" : `.${end}`;
}

function isAtOrBelow(path: string, asked: string): boolean {
  return path === asked || [".", "[]."].some((step) => path.startsWith(asked + step));
}

function render(
  { path, description, byDefault, example }: ExplainedKey,
  widthChars: number,
): string {
  const values = [
    byDefault === null ? null : `default ${byDefault}`,
    example === null ? null : `for example ${example}`,
  ].filter((text) => text !== null);
  const text = wrapped(description, widthChars - indent.length);
  const lines = values.length === 0 ? text : [...text, values.join(", ")];
  return [path, ...lines.map((line) => `${indent}${line}`)].join("\n");
}
