import { builtInAliases, dockerHub } from "../../config/host.ts";

// What `docker login` writes for Docker Hub.
const dockerHubLogin = "https://index.docker.io/v1/";

/** What a helper is asked for: the name that `docker login` would have stored credentials under. */
export function dockerServerName(upstream: string): string {
  return upstream === dockerHub ? dockerHubLogin : upstream;
}

/**
 * What a table of a Docker `config.json` has for an upstream: under its name, or under a URL with that host, as
 * older versions of Docker wrote it; what `docker login` writes goes first. undefined if it has nothing.
 */
export function entryFor<Entry>(
  table: Readonly<Record<string, Entry>>,
  upstream: string,
): Entry | undefined {
  const names = [dockerServerName(upstream), ...builtInAliases(upstream), upstream];
  const entries = Object.entries(table);
  for (const matches of [isName, isHostOf]) {
    for (const name of names) {
      const found = entries.find(([key]) => matches(name, key));
      if (found) return found[1];
    }
  }
  return undefined;
}

function isName(name: string, key: string): boolean {
  return key === name;
}

function isHostOf(name: string, key: string): boolean {
  return key.replace(/^https?:\/\//, "").split("/", 1)[0] === name;
}
