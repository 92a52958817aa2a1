import { chmod, copyFile, mkdir, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { programPath } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";

/**
 * Fills `root` with a root file system that stands in for `node:…-slim` where no registry can be reached:
 * this machine's Node with the libraries it is linked to, npm, busybox as the shell and its tools, and this
 * machine's trust store. For tests only: such an image is of the machine that made it.
 */
export async function makeStandInBase(root: string): Promise<void> {
  await makeFolders(root);
  await installBusybox(root);
  await installNode(root);
  await installNpm(root);
  await copyInto(root, trustStore);
}

export const trustStore = "/etc/ssl/certs/ca-certificates.crt";

async function makeFolders(root: string): Promise<void> {
  for (const folder of ["etc", "proc", "root", "tmp", "usr/bin", "usr/local/bin", "var/lib"]) {
    await mkdir(join(root, folder), { recursive: true });
  }
  await chmod(root, 0o755);
  await chmod(join(root, "tmp"), 0o1777);
  await symlink("usr/bin", join(root, "bin"));
  await writeFile(join(root, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  await writeFile(join(root, "etc/group"), "root:x:0:\n");
}

async function installBusybox(root: string): Promise<void> {
  const busybox = programPath("busybox");
  const applets = (await mustRun(busybox, ["--list"])).trim().split("\n");
  await copyFile(busybox, join(root, "usr/bin/busybox"));
  for (const applet of applets.filter((name) => name !== "busybox")) {
    await symlink("busybox", join(root, "usr/bin", applet));
  }
}

async function installNode(root: string): Promise<void> {
  await copyFile(process.execPath, join(root, "usr/local/bin/node"));
  const linked = await mustRun("ldd", [process.execPath]);
  const libraries = [...linked.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
  for (const library of libraries) await copyInto(root, library);
}

async function installNpm(root: string): Promise<void> {
  const prefix = join(root, "usr/local/lib");
  await mkdir(prefix);
  await mustRun("npm", ["install", "--prefix", prefix, "--no-audit", "--no-fund", "npm@11"]);
  const cli = "../lib/node_modules/npm/bin/npm-cli.js";
  await symlink(cli, join(root, "usr/local/bin/npm"));
}

/** Copies a file of this machine to the same path in `root`. */
async function copyInto(root: string, path: string): Promise<void> {
  await mkdir(join(root, dirname(path)), { recursive: true });
  await copyFile(path, join(root, path));
}
