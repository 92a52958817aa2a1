import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { posix } from "node:path";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { withoutComments } from "./without-comments.ts";

/** A file of the dashboard, as a browser gets it. */
export interface Asset {
  readonly type: string;
  readonly bytes: Buffer;
  readonly gzipped: Buffer;
}

/** All that the dashboard is made of. */
export interface DashboardFiles {
  readonly page: Asset;
  /** Changes with any of the assets. */
  readonly version: string;
  /** By their paths below `assets/VERSION/`. */
  readonly assets: ReadonlyMap<string, Asset>;
}

// `src/`: what the page imports lies there in other folders too.
const sources = new URL("../../", import.meta.url);

const entry = "dashboard/main.ts";
const beforeFirstPaint = "dashboard/chosen-theme.ts";

/**
 * Reads the page, and every module that it imports: nothing is built, types are stripped here. A module is served where it
 * lies in `src/`, so that what it imports is found from there; packages lie in `npm/`.
 */
export async function readDashboard(): Promise<DashboardFiles> {
  const modules = await modulesFrom(entry);
  const style = await Promise.all([
    readFile(new URL("dashboard/style.css", sources), "utf8"),
    readFile(new URL("dist/uPlot.min.css", packageFolder("uplot")), "utf8"),
  ]);
  const texts: readonly (readonly [string, string, string])[] = [
    ...[...modules].map(([path, text]) => [path, scriptType, text] as const),
    [beforeFirstPaint, scriptType, await readModule(beforeFirstPaint)],
    ["dashboard/style.css", "text/css; charset=utf-8", withoutComments(style.join("\n"))],
    ["dashboard/icon.svg", "image/svg+xml", await readSource("dashboard/icon.svg")],
  ];
  const version = versionOf(texts.map(([, , text]) => text));
  const assets = new Map<string, Asset>();
  for (const [path, type, text] of texts) assets.set(path, await assetOf(type, text));
  const page = (await readSource("dashboard/index.html"))
    .replaceAll("{assets}", `assets/${version}`)
    .replace("{preloads}", preloads([...modules.keys()], version));
  return { page: await assetOf("text/html; charset=utf-8", page), version, assets };
}

/** The modules that a browser needs for this one, itself first: by path, without types. */
async function modulesFrom(path: string): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const wanted = [path];
  for (let next = wanted.pop(); next !== undefined; next = wanted.pop()) {
    if (found.has(next)) continue;
    const from = next;
    const text = (await readModule(from)).replace(importPattern, (_all, how, name) => {
      const target = targetOf(from, name);
      wanted.push(target);
      return `${how}"${posix.relative(posix.dirname(from), target).replace(/^(?!\.)/, "./")}"`;
    });
    found.set(from, text);
  }
  return found;
}

const importPattern = /(\b(?:from|import) ?\(?)"([\w@./-]+)"/g;

function targetOf(from: string, name: string): string {
  if (name.startsWith(".")) return posix.join(posix.dirname(from), name);
  if (name in packages) return `npm/${name}.js`;
  throw new Error(`${from} imports ${name}, which no browser has`);
}

/** The packages that the page may import, as modules; what each is, is for its package to say. */
const packages: Readonly<Record<string, () => Promise<string>>> = {
  preact: () => readFile(new URL(import.meta.resolve("preact")), "utf8"),
  "preact/hooks": () => readFile(new URL(import.meta.resolve("preact/hooks")), "utf8"),
  // Its module is three times as large as its script.
  uplot: async () => {
    const script = new URL("dist/uPlot.iife.min.js", packageFolder("uplot"));
    return `${await readFile(script, "utf8")}\nexport default uPlot;\n`;
  },
};

function packageFolder(name: string): URL {
  return new URL(import.meta.resolve(`${name}/package.json`));
}

async function readModule(path: string): Promise<string> {
  const [, name = ""] = /^npm\/(.*)\.js$/.exec(path) ?? [];
  const ofPackage = packages[name];
  // Developers' tools would ask for the map, which is not served.
  if (ofPackage) return (await ofPackage()).split("//# sourceMappingURL")[0] ?? "";
  // Lines stay those of the source.
  return withoutComments(stripTypeScriptTypes(await readSource(path)));
}

function readSource(path: string): Promise<string> {
  return readFile(new URL(path, sources), "utf8");
}

/** All modules are asked for at once, and not one after the other as each is read. */
function preloads(paths: readonly string[], version: string): string {
  const early = paths.filter((path) => path !== "npm/uplot.js");
  return early
    .map((path) => `<link rel="modulepreload" href="assets/${version}/${path}">`)
    .join("\n    ");
}

function versionOf(texts: readonly string[]): string {
  const hash = createHash("sha256");
  for (const text of texts) hash.update(text).update("\0");
  return hash.digest("hex").slice(0, 16);
}

const scriptType = "text/javascript; charset=utf-8";

const compressed = promisify(gzip);

async function assetOf(type: string, text: string): Promise<Asset> {
  const bytes = Buffer.from(text);
  return { type, bytes, gzipped: await compressed(bytes) };
}
