import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { programPath } from "./real-program.ts";
import { mustRun } from "./run-program.ts";

// What the namespaces hold ends with the program.
const setUp = `
  ip=$1 names=$2; shift 2
  "$ip" link set lo up
  for address in $1; do "$ip" address add "$address" dev lo; done
  mount --bind "$names" /etc/resolv.conf
  shift
  exec "$@"
`;

/**
 * Runs a TypeScript program where these addresses are the only network, public ones among them, and where names are what
 * it answers on port 53 of 127.0.0.1. It gets `input` as its argument; resolves to what it printed. Needs root.
 */
export async function runInOwnNetwork(
  program: string,
  addresses: readonly string[],
  input: unknown,
  limits: { readonly limitMs?: number } = {},
): Promise<string> {
  await using home = await mkdtempDisposable(join(tmpdir(), "own-network-"));
  const names = join(home.path, "resolv.conf");
  // One try, and no wait for a second server: whoever is asked answers.
  await writeFile(names, "nameserver 127.0.0.1\noptions attempts:1\n");
  const command = [process.execPath, program, JSON.stringify(input)];
  const parameters = [programPath("ip"), names, addresses.join(" "), ...command];
  const shell = ["sh", "-ec", setUp, "sh", ...parameters];
  return await mustRun(programPath("unshare"), ["--net", "--mount", ...shell], limits);
}
