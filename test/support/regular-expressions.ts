import { stripTypeScriptTypes } from "node:module";
import { parse } from "acorn";
import { full } from "acorn-walk";

/** A regular expression as it is written. */
export interface Pattern {
  readonly source: string;
  readonly flags: string;
}

/** The regular expressions that stand in TypeScript between slashes. */
export function literalsIn(code: string): Pattern[] {
  const patterns: Pattern[] = [];
  full(parsed(code), (node) => {
    if (!("regex" in node)) return;
    const { pattern, flags } = node.regex as { pattern: string; flags: string };
    patterns.push({ source: pattern, flags });
  });
  return patterns;
}

/** Whether TypeScript puts some together as it runs. */
export function hasConstructed(code: string): boolean {
  let found = false;
  full(parsed(code), (node) => {
    if (!("callee" in node)) return;
    const callee = node.callee as { readonly name?: string };
    found ||= callee.name === "RegExp";
  });
  return found;
}

/** Those that a module puts together when it is loaded. Throws if there are none: they are made where nobody sees them. */
export async function constructedIn(url: string): Promise<Pattern[]> {
  const { RegExp: original } = globalThis;
  const patterns: Pattern[] = [];
  globalThis.RegExp = new Proxy(original, {
    construct(target, [source, flags = ""]) {
      patterns.push({ source: String(source), flags: String(flags) });
      return new target(source, flags);
    },
  });
  try {
    // Whatever was loaded before would not be loaded again.
    await import(url.startsWith("data:") ? url : `${url}?constructed`);
  } finally {
    globalThis.RegExp = original;
  }
  if (patterns.length > 0) return patterns;
  throw new Error(`${url} constructs a regular expression, but not when it is loaded`);
}

function parsed(code: string): ReturnType<typeof parse> {
  return parse(stripTypeScriptTypes(code), { ecmaVersion: "latest", sourceType: "module" });
}
