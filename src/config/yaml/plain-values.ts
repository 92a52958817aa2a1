import type { KeyPath } from "./finding.ts";

/** The table under `key`, or an empty one: what is no table is somebody else's problem. */
export function tableAt(parent: unknown, key: string): Readonly<Record<string, unknown>> {
  const value = isTable(parent) ? parent[key] : undefined;
  return isTable(value) ? value : {};
}

/** The texts in the list under `key`, with their positions. */
export function textsAt(parent: unknown, key: string): { text: string; index: number }[] {
  const value = isTable(parent) ? parent[key] : undefined;
  if (!Array.isArray(value)) return [];
  return value.flatMap((text: unknown, index) =>
    typeof text === "string" ? [{ text, index }] : [],
  );
}

/** The tables in the list under `key`, with their positions. */
export function tablesAt(
  parent: unknown,
  key: string,
): { table: Readonly<Record<string, unknown>>; index: number }[] {
  const value = isTable(parent) ? parent[key] : undefined;
  if (!Array.isArray(value)) return [];
  return value.flatMap((table: unknown, index) => (isTable(table) ? [{ table, index }] : []));
}

/** What stands at the end of the path; undefined if nothing does. */
export function valueAt(root: unknown, path: KeyPath): unknown {
  return path.reduce<unknown>((value, step) => {
    if (typeof step === "number") return Array.isArray(value) ? value[step] : undefined;
    return isTable(value) ? value[step] : undefined;
  }, root);
}

function isTable(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
