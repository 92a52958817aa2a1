import { readdir } from "node:fs/promises";
import { openFilesLimit } from "../telemetry/open-files.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** The process that examines itself: its Node, and how many files it may open. */
export async function* checkProcess(): AsyncGenerator<Finding> {
  yield judgeNode(process.versions.node);
  const limit = await openFilesLimit();
  if (limit === null) return;
  const open = await readdir("/proc/self/fd").catch(() => []);
  yield judgeOpenFiles(limit, open.length);
}

// The first releases without known holes that a remote peer can use, by their major version: the security releases of
// October 2026. What is older than these has them.
const patched: Readonly<Record<number, readonly [minor: number, patch: number]>> = {
  22: [23, 4],
  24: [22, 1],
  26: [12, 1],
};

const oldestMajor = 24;

export function judgeNode(version: string): Finding {
  const [major = 0, minor = 0, patch = 0] = version.split(".").map(Number);
  const [safeMinor, safePatch] = patched[major] ?? [0, 0];
  const isPatched =
    major > 26 ||
    (major in patched && (minor > safeMinor || (minor === safeMinor && patch >= safePatch)));
  if (isPatched) return ok("process", `Node ${version}`);
  const newest = patched[Math.max(major, oldestMajor)] ?? patched[26];
  return warn(
    "process",
    `Node ${version} has known holes that strangers can use over the network`,
    `run on Node ${Math.max(major in patched ? major : 26, oldestMajor)}.${newest?.join(".")} or newer before you open the mirror to strangers: install with npm ci --omit=dev, and bin/sluice takes the node on PATH; the image has a Node without them`,
  );
}

// A client that pulls holds a socket, a file, and often a socket of an upstream; dockerd opens three at a time. A thousand
// are some hundred clients.
const fewFiles = 1_024;
const comfortableFiles = 4_096;

export function judgeOpenFiles(limit: number, open: number): Finding {
  const found = `${limit} files may be open, ${open} are`;
  const remedy =
    "raise the limit: LimitNOFILE=65536 in the systemd unit, --ulimit nofile=65536 for a container, or ulimit -n";
  if (limit < fewFiles) {
    return fail("process", `only ${found}: a pull takes three, and those beyond fail`, remedy);
  }
  if (limit < comfortableFiles) return warn("process", `${found}: a pull takes three`, remedy);
  return ok("process", found);
}
