const label = "[a-z0-9](?:[a-z0-9-]*[a-z0-9])?";

const host = `(?:${label}(?:\\.${label})*|\\[[0-9a-f:.]+\\])(?::[0-9]{1,5})?`;

/** A lower-case `HOST` or `HOST:PORT`, IPv6 in brackets. */
export const hostPattern: RegExp = new RegExp(`^${host}$`);

/** A host with a `.` or a `:`, without which it could hide a namespace of Docker Hub. */
export const upstreamNamePattern: RegExp = new RegExp(`^(?=.*[.:])${host}$`);

/** What is wrong with `text` as a host, going on where a sentence began with it; null if nothing is. */
export function hostProblem(text: string): string | null {
  if (hostPattern.test(text)) return null;
  const lower = text.toLowerCase();
  if (hostPattern.test(lower)) return `is not lower-case; write ${lower}`;
  return "is not a host; write for example registry.internal or registry.internal:5000";
}

/** The same for an upstream's name and its aliases. */
export function upstreamNameProblem(text: string): string | null {
  const problem = hostProblem(text);
  if (problem !== null || upstreamNamePattern.test(text)) return problem;
  return `has neither "." nor ":", so it could hide a namespace of Docker Hub; write for example ${text}.internal or ${text}:5000`;
}

/** By what name the images of Docker Hub are known. */
export const dockerHub = "docker.io";

// What Docker's clients and configuration files call Docker Hub.
const dockerHubHosts: readonly string[] = ["index.docker.io", "registry-1.docker.io"];

/** By what name images of the registry are known that this host belongs to, if it is by another; else null. */
export function nameOfImages(host: string): string | null {
  return dockerHubHosts.includes(host) ? dockerHub : null;
}

/** The aliases that the upstream of this name has without being told. */
export function builtInAliases(upstream: string): readonly string[] {
  return upstream === dockerHub ? dockerHubHosts : [];
}
