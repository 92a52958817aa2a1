import { posix } from "node:path";

/** A source file by its path below `src/`, with what it imports as it is written there. */
export interface SourceFile {
  readonly path: string;
  readonly imports: readonly string[];
}

// The picture in ARCHITECTURE.md, from the top down. Folders in one row are strangers to each other.
// "src" is what lies directly in it.
const rows: readonly (readonly string[])[] = [
  ["src"],
  ["cli", "dashboard"],
  ["wiring"],
  ["server", "admin"],
  ["mirror", "doctor", "auth", "client-config"],
  ["storage", "upstream", "listeners"],
  ["config", "telemetry"],
  ["oci"],
];

// The one built-in module without I/O that the spec's words need.
const allowedInOci: readonly string[] = ["node:crypto"];

// It holds the version.
const packageFile = "../package.json";

/** What is wrong with a file's place and imports, a sentence each. */
export function offencesOf(file: SourceFile): string[] {
  return [
    ...offencesOfPlace(file.path),
    ...file.imports.flatMap((name) => offencesOfImport(file.path, name)),
  ];
}

/** The module names that a TypeScript source imports or re-exports from. */
export function importsIn(source: string): string[] {
  const pattern = /\b(?:from|import)\s*\(?\s*"([^"\n]+)"/g;
  return [...source.matchAll(pattern)].flatMap(([, name]) => name ?? []);
}

function offencesOfPlace(path: string): string[] {
  const parts = path.split("/");
  return [
    ...(rowOf(path) < 0 ? [`${path} is in no layer of the picture`] : []),
    ...(parts.at(-1) === "index.ts" ? [`${path} is a barrel file: import the thing itself`] : []),
    ...(parts.includes("utils") ? [`${path} is in a utils folder: name it after the thing`] : []),
  ];
}

function offencesOfImport(path: string, name: string): string[] {
  if (!name.startsWith(".")) {
    const room = roomOf(path);
    if (room === "oci" && !allowedInOci.includes(name)) {
      return [`${path} imports ${name}: oci is pure, without packages and I/O`];
    }
    if (room === "dashboard" && name.startsWith("node:")) {
      return [`${path} imports ${name}: the dashboard runs in browsers`];
    }
    return [];
  }
  const target = posix.join(posix.dirname(path), name);
  if (target === packageFile) return [];
  return allowed(path, target) ? [] : [`${path} imports ${target}: ${reason(path, target)}`];
}

function allowed(path: string, target: string): boolean {
  return roomOf(path) === roomOf(target) || rowOf(path) < rowOf(target);
}

function reason(path: string, target: string): string {
  const [from, to] = [rowOf(path), rowOf(target)];
  if (to < 0) return "that is in no layer of the picture";
  return to < from ? "that is a higher layer" : "they are strangers to each other";
}

function rowOf(path: string): number {
  return rows.findIndex((rooms) => rooms.includes(roomOf(path)));
}

function roomOf(path: string): string {
  const [room = "", ...rest] = path.split("/");
  return rest.length > 0 ? room : "src";
}
