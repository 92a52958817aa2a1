/**
 * Registries that are known to have their token server on another host: the endpoint's host, then the token server's.
 * Each pair stands as its registry's own challenge names it; a token server on the registry's host (ghcr.io, quay.io,
 * nvcr.io, registry.redhat.io, dhi.io, Google, Azure, ECR, Harbor) needs none.
 */
export const knownTokenServers: readonly (readonly [endpoint: string, tokenServer: string])[] = [
  ["registry-1.docker.io", "auth.docker.io"],
  // The same registry by its older name, which many configurations have.
  ["index.docker.io", "auth.docker.io"],
  ["registry.gitlab.com", "gitlab.com"],
  ["docker.elastic.co", "docker-auth.elastic.co"],
  ["registry.digitalocean.com", "api.digitalocean.com"],
  // LinuxServer's name for its images at GitHub: it hands on ghcr.io's challenge, so the credentials are GitHub's.
  ["lscr.io", "ghcr.io"],
  // Scaleway's registries have a domain of their own, apart from its API.
  ["rg.fr-par.scw.cloud", "api.scaleway.com"],
];
