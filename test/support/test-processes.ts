import { writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { pathToFileURL } from "node:url";
import type { SeededRandom } from "./seeded-random.ts";

// What is tested there needs no process for itself: to start one and load all modules takes longer than most of these
// files. Elsewhere memory and descriptors are counted, programs are killed, and a leak is to name its file.
const foldersThatShare = new Set([
  "auth",
  "cli",
  "config",
  "daemon",
  "doctor",
  "mirror",
  "oci",
  "properties",
  "pull",
  "server",
  "storage",
  "telemetry",
  "upstream",
]);

// So that the processes are many enough to keep all cores busy, and each ends what it leaks.
const filesAProcess = 12;

// They take half a minute each and mostly wait, for programs and for time-outs: one that began last would be alone at the end.
const longest = new Set([
  "test/faults/killed-at-any-moment.test.ts",
  "test/faults/killed-in-an-eviction.test.ts",
  "test/image/image.test.ts",
  "test/real/containerd-hosts.test.ts",
  "test/real/front-proxies.test.ts",
  "test/real/signals.test.ts",
  "test/real/upstream-in-trouble.test.ts",
]);

/**
 * The files for Node's runner, which gives each a process: test files, and made-up ones in `directory` that load
 * several of one folder. In random order, but the longest first and then those that load several, so that a long one
 * does not end last.
 */
export async function testProcesses(
  files: readonly string[],
  { directory, random }: { readonly directory: string; readonly random: SeededRandom },
): Promise<string[]> {
  const shuffled = random.shuffle(files);
  const together: string[] = [];
  const folders = Map.groupBy(shuffled, folderOf);
  for (const [folder, members] of folders) {
    if (!foldersThatShare.has(folder)) continue;
    for (let first = 0; first < members.length; first += filesAProcess) {
      const file = join(directory, `${folder}-${together.length}.mjs`);
      await writeFile(file, loading(members.slice(first, first + filesAProcess)));
      together.push(file);
    }
  }
  const alone = shuffled.filter((file) => !foldersThatShare.has(folderOf(file)));
  const [first = [], rest = []] = [true, false].map((isLong) =>
    alone.filter((file) => longest.has(file) === isLong),
  );
  return [...first, ...together, ...rest];
}

function folderOf(file: string): string {
  const [folder = ""] = relative("test", file).split(sep);
  return folder;
}

/** All is loaded before a test runs: one that mocks a timer would give it to modules that are loaded meanwhile. */
function loading(files: readonly string[]): string {
  const urls = files.map((file) => JSON.stringify(pathToFileURL(file).href));
  return urls.map((url) => `import ${url};\n`).join("");
}
