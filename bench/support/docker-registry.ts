import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../../test/support/free-port.ts";
import { programPath } from "../../test/support/real-program.ts";
import type { Lab } from "./lab.ts";
import { ServerProcess } from "./server-process.ts";

/** Starts Debian's docker-registry: a registry, or with `proxyFor` a pull-through cache of that URL. */
export async function startDockerRegistry(
  lab: Lab,
  proxyFor: string | null,
): Promise<ServerProcess> {
  const directory = await lab.makeDirectory("registry");
  const port = await freePort();
  const config = {
    version: "0.1",
    // The log as it comes: one access line a request, as sluice writes one.
    log: { level: "info" },
    storage: { cache: { blobdescriptor: "inmemory" }, filesystem: { rootdirectory: directory } },
    http: { addr: `127.0.0.1:${port}` },
    ...(proxyFor !== null && { proxy: { remoteurl: proxyFor } }),
  };
  const file = join(directory, "config.yml");
  // JSON is YAML.
  await writeFile(file, JSON.stringify(config));
  const url = `http://127.0.0.1:${port}`;
  return ServerProcess.start(lab, {
    file: programPath("docker-registry"),
    args: ["serve", file],
    url,
    directory,
  });
}
