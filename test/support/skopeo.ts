import { programPath } from "./real-program.ts";
import { mustRun } from "./run-program.ts";

/** `skopeo ARGS`, which must succeed; returns what it printed. */
export async function skopeo(...args: string[]): Promise<string> {
  return mustRun(programPath("skopeo"), ["--insecure-policy", ...args]);
}

/**
 * Copies an image with all its platforms and every byte as it is from a plain-HTTP registry to `destination`,
 * such as `oci:DIRECTORY:image` or `dir:DIRECTORY`.
 */
export async function copyAll(image: string, destination: string): Promise<void> {
  const flags = ["--quiet", "--all", "--preserve-digests", "--src-tls-verify=false"];
  await skopeo("copy", ...flags, `docker://${image}`, destination);
}
