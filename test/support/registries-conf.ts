/**
 * A registries.conf in which a mirror stands before docker.io and ghcr.io. The registries themselves are at the
 * discard port, where nobody answers: only the mirror can.
 */
export function registriesConf(mirrorHost: string): string {
  return ["docker.io", "ghcr.io"]
    .map(
      (registry) => `
[[registry]]
prefix = "${registry}"
location = "127.0.0.1:9"
[[registry.mirror]]
location = "${mirrorHost}/${registry}"
insecure = true
`,
    )
    .join("");
}
