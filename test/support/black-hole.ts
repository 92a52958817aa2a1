import { programPath } from "./real-program.ts";
import { mustRun } from "./run-program.ts";

/** Drops every packet to a loopback port, as a network does that has lost its way, until it is disposed. Needs root. */
export async function blackHole(port: string): Promise<AsyncDisposable> {
  const rule = ["OUTPUT", "-o", "lo", "-p", "tcp", "--dport", port, "-j", "DROP"];
  await iptables("-I", ...rule);
  return { [Symbol.asyncDispose]: () => iptables("-D", ...rule) };
}

async function iptables(...args: string[]): Promise<void> {
  await mustRun(programPath("iptables"), ["-w", "10", ...args]);
}
