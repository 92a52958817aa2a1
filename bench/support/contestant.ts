import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Certificate } from "../../test/support/certificate.ts";

/** Something that can stand between an origin and its clients: sluice, a peer, or nothing at all. */
export interface Contestant {
  readonly name: string;
  /** What is installed, in its own words; null when it is not. */
  version(): Promise<string | null>;
  /** Starts it in front of `originUrl` with nothing cached. Cold again is: dispose, start anew. */
  start(originUrl: string): Promise<Running>;
}

export interface Running extends AsyncDisposable, Reached {
  /** Its first process; the work may be done by children. */
  readonly pid: number;
}

/** Where something answers. */
export interface Reached {
  readonly url: string;
  /** Of https: the certificate, a PEM file, that shows it. */
  readonly caFile?: string;
}

export function reachedAt(host: string, tls?: Certificate): Reached {
  return tls ? { url: `https://${host}`, caFile: tls.certificateFile } : { url: `http://${host}` };
}

/** The version `file` says it has, on whichever output; null when there is no such program. */
export async function versionOf(file: string, flag: string): Promise<string | null> {
  // Where Debian has nginx is often missing from PATH, although anyone may run what is there.
  const env = { ...process.env, PATH: `${process.env["PATH"]}:/usr/sbin` };
  const text = await promisify(execFile)(file, [flag], { env }).then(
    (output) => output.stdout + output.stderr,
    // `wrk -v` exits with 1 and still says it.
    (error: { readonly code?: unknown; readonly stdout?: string; readonly stderr?: string }) =>
      error.code === "ENOENT" ? null : `${error.stdout ?? ""}${error.stderr ?? ""}`,
  );
  return text === null ? null : (/\d+\.\d+\S*/.exec(text)?.[0] ?? "unknown");
}
