import { execFile } from "node:child_process";
import { cpus, release, totalmem } from "node:os";
import { promisify } from "node:util";
import { versionOf } from "./contestant.ts";

/** What figures are worthless without. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly kernel: string;
  readonly node: string;
  /** By program; null when it is not installed. */
  readonly versions: Readonly<Record<string, string | null>>;
  /** Of this repository, with `-dirty` if files differ from it; null outside of git. */
  readonly commit: string | null;
}

export async function describeMachine(): Promise<Machine> {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memoryBytes: totalmem(),
    kernel: release(),
    node: process.version,
    versions: {
      "docker-registry": await versionOf("docker-registry", "--version"),
      nginx: await versionOf("nginx", "-v"),
      curl: await versionOf("curl", "--version"),
      wrk: await versionOf("wrk", "-v"),
      skopeo: await versionOf("skopeo", "--version"),
    },
    commit: await commit(),
  };
}

export function hardwareOf({ cpu, cores, memoryBytes, kernel }: Machine): string {
  return `${cpu}, ${cores} cores, ${Math.round(memoryBytes / 1024 ** 3)} GiB, Linux ${kernel}`;
}

export function softwareOf({ node, versions, commit }: Machine): string {
  const programs = Object.entries(versions);
  const named = programs.map(([name, version]) => `${name} ${version ?? "missing"}`);
  return `Node ${node}, ${named.join(", ")}, commit ${commit}`;
}

async function commit(): Promise<string | null> {
  const args = ["describe", "--always", "--dirty", "--abbrev=12", "--exclude=*"];
  const options = { cwd: import.meta.dirname };
  const output = await promisify(execFile)("git", args, options).catch(() => null);
  return output?.stdout.trim() ?? null;
}
