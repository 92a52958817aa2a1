import { type ClientFile, commented } from "./client.ts";
import type { MirroredRegistry, MirrorForClients } from "./mirror-for-clients.ts";

/**
 * containerd's `hosts.toml` of each registry, in `directory`. containerd says with `?ns=` which registry it means, and
 * goes on to the registry itself where the mirror does not help.
 */
export function hostsTomlFiles(directory: string, mirror: MirrorForClients): ClientFile[] {
  return mirror.registries.map(({ name, server }) =>
    hostsToml(`${directory}/${name}`, server, mirror),
  );
}

/** The one for every registry that has no file of its own. */
export function defaultHostsToml(directory: string, mirror: MirrorForClients): ClientFile {
  return hostsToml(`${directory}/_default`, null, mirror);
}

/** Where containerd has what it shows. */
export function clientInHostsToml(): string {
  return 'client = [["/path/client.cert", "/path/client.key"]] under [host] of each file';
}

/** How whoever reads it logs in. */
export function headerInHostsToml(): string {
  return 'containerd logs in by a header in hosts.toml: under the host\'s table a table [host."URL".header] with authorization = "Basic …", of printf %s NAME:PASSWORD | base64 -w0, or "Bearer TOKEN"';
}

function hostsToml(
  folder: string,
  server: MirroredRegistry["server"],
  { url, trust }: MirrorForClients,
): ClientFile {
  const lines = [
    ...(server === null ? [] : [`server = "${server}"`, ""]),
    `[host."${url}"]`,
    '  capabilities = ["pull", "resolve"]',
    ...(trust === "unverified" ? ["  skip_verify = true"] : []),
  ];
  return commented(`${folder}/hosts.toml`, `${lines.join("\n")}\n`);
}
