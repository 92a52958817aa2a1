/** The names of Docker Hub in a Docker `config.json`, the one that `docker login` writes first. */
const hubNames = [
  "https://index.docker.io/v1/",
  "index.docker.io",
  "docker.io",
  "registry-1.docker.io",
] as const;

/** What a helper is asked for: the name that `docker login` would have stored credentials under. */
export function dockerServerName(upstream: string): string {
  return upstream === "docker.io" ? hubNames[0] : upstream;
}

/**
 * What a table of a Docker `config.json` has for an upstream: under its name, or under a URL with that host, as
 * older versions of Docker wrote it. undefined if it has nothing.
 */
export function entryFor<Entry>(
  table: Readonly<Record<string, Entry>>,
  upstream: string,
): Entry | undefined {
  const names = upstream === "docker.io" ? hubNames : [upstream];
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
