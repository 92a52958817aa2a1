import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Certificate } from "../../test/support/certificate.ts";
import { freePort } from "../../test/support/free-port.ts";
import { programPath } from "../../test/support/real-program.ts";
import { reachedAt } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { ServerProcess } from "./server-process.ts";

export interface RegistryKind {
  /** Of what URL it is a pull-through cache; without it, it is a registry. */
  readonly proxyFor?: string;
  readonly tls?: Certificate;
}

/** Starts Debian's docker-registry. */
export async function startDockerRegistry(
  lab: Lab,
  { proxyFor, tls }: RegistryKind = {},
): Promise<ServerProcess> {
  const directory = await lab.makeDirectory("registry");
  const port = await freePort();
  const config = {
    version: "0.1",
    // The log as it comes: one access line a request, as sluice writes one.
    log: { level: "info" },
    storage: { cache: { blobdescriptor: "inmemory" }, filesystem: { rootdirectory: directory } },
    http: {
      addr: `127.0.0.1:${port}`,
      ...(tls && { tls: { certificate: tls.certificateFile, key: tls.keyFile } }),
    },
    ...(proxyFor && { proxy: { remoteurl: proxyFor } }),
  };
  const file = join(directory, "config.yml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  return ServerProcess.start(lab, {
    file: programPath("docker-registry"),
    args: ["serve", file],
    at: reachedAt(`127.0.0.1:${port}`, tls),
    directory,
  });
}
