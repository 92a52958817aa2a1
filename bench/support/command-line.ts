import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { secondsOf } from "./durations.ts";
import type { Question, Size } from "./question.ts";
import { fullSize, quickSize } from "./sizes.ts";

/** What the command line asks for. */
export type Wish =
  | { readonly kind: "help" }
  | { readonly kind: "wrong"; readonly reason: string }
  | {
      readonly kind: "run";
      readonly questions: readonly Question[];
      readonly size: Size;
      /** Where to store the results; null for a new file in `bench/results`. */
      readonly file: string | null;
    };

export function parseCommandLine(args: readonly string[], all: readonly Question[]): Wish {
  try {
    return interpret(args, all);
  } catch (error) {
    if (error instanceof TypeError) return { kind: "wrong", reason: error.message };
    throw error;
  }
}

/** The help text. Each question is the first line of its file. */
export async function usage(all: readonly Question[]): Promise<string> {
  const names = all.map(({ name }) => name);
  const minutes = (size: Size["name"]): string =>
    `some ${Math.ceil(secondsOf(names, size) / 60)} minutes`;
  const lines = all.map(async ({ name }) => `  ${name.padEnd(16)}${await questionOf(name)}`);
  return `npm run bench -- [NAME…] [--quick] [--json FILE]

Measures sluice beside docker-registry as a pull-through cache and nginx with proxy_cache, as far as
they are installed, on loopback. Without a NAME all questions are asked, in ${minutes("full")} on two quiet cores:

${(await Promise.all(lines)).join("\n")}

  --quick         smaller blobs, one round, only peers that a target names: coarse, ${minutes("quick")} for all questions
  --json FILE     where to store the results; else a new file in bench/results
  --help          this text

Needs docker-registry (the origin is one, too), nginx, curl, openssl, skopeo and wrk. Looks after itself: everything
is below one temporary directory (TMPDIR), and is ended and removed, also on Ctrl-C.`;
}

function interpret(args: readonly string[], all: readonly Question[]): Wish {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      quick: { type: "boolean", default: false },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return { kind: "help" };
  const unknown = positionals.find((name) => all.every((question) => question.name !== name));
  if (unknown !== undefined) return { kind: "wrong", reason: `there is no question ${unknown}` };
  return {
    kind: "run",
    questions: all.filter(({ name }) => positionals.length === 0 || positionals.includes(name)),
    size: values.quick ? quickSize : fullSize,
    file: values.json ?? null,
  };
}

/** What the question of this name asks. */
export async function questionOf(name: string): Promise<string> {
  const text = await readFile(join(import.meta.dirname, "..", `${name}.ts`), "utf8");
  return text.slice("// ".length, text.indexOf("\n"));
}
