import { posix } from "node:path";

/** What the map in ARCHITECTURE.md says of `src/`; all paths are below that. */
export interface MapOfRooms {
  /** In the order of the map. */
  readonly files: readonly string[];
  /** Folders of which it says by what their files are: "one file a command". */
  readonly byRule: readonly string[];
}

/** Reads the map: a folder or some files a line, then what they are; what is in a folder stands further to the right. */
export function mapOfRooms(document: string): MapOfRooms {
  const [, drawn = ""] = /^```\nsrc\/\n(.*?)^\S/ms.exec(document) ?? [];
  const files: string[] = [];
  const byRule: string[] = [];
  const open: string[] = [];
  for (const { depth, names, about } of drawn.split("\n").map(readLine)) {
    open.length = Math.max(0, depth - 1);
    const paths = names.map((name) => posix.join(...open, name));
    files.push(...paths.filter((path) => !isFolder(path)));
    if (saysByWhat.test(about)) byRule.push(...paths.filter(isFolder));
    const [first = ""] = names;
    if (names.length === 1 && isFolder(first)) open.push(first);
  }
  return { files, byRule };
}

const saysByWhat = /\ba (?:file|folder|script) (?:an?|each|of)\b|\bone file an?\b/;

interface Line {
  readonly depth: number;
  readonly names: readonly string[];
  readonly about: string;
}

function readLine(line: string): Line {
  const [, margin = "", listed = "", about = ""] =
    /^( *)((?:[\w.-]+(?:\.\w+|\/)(?: +|$))*)(.*)$/.exec(line) ?? [];
  return { depth: margin.length / 2, names: listed.split(" ").filter(Boolean), about };
}

function isFolder(path: string): boolean {
  return path.endsWith("/");
}
