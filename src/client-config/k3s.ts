import { type Client, type ClientConfig, commented } from "./client.ts";
import type { MirrorForClients } from "./mirror-for-clients.ts";

/** k3s and RKE2, which make containerd's `hosts.toml` of it. */
export const k3s: Client = {
  means: null,
  configure: (mirror) =>
    registriesYaml(
      mirror,
      mirror.registries.map(({ name }) => name),
    ),
  logIn,
  certificateAt,
};

/** One entry for every registry, those too that the mirror will only be told of later. */
export const k3sForAny: Client = {
  means: null,
  configure: (mirror) => registriesYaml(mirror, ["*"]),
  logIn,
  certificateAt,
};

function certificateAt(host: string): string {
  return `configs."${host}".tls in that file: cert_file and key_file`;
}

function logIn(host: string): string {
  return `k3s logs in with what stands under configs."${host}".auth in that file: username and password`;
}

function registriesYaml(mirror: MirrorForClients, names: readonly string[]): ClientConfig {
  const entries = names.map((name) => `  "${name}":\n    endpoint: ["${mirror.url}"]\n`);
  const body = `mirrors:\n${entries.join("")}${tlsOf(mirror)}`;
  return {
    files: [commented("/etc/rancher/k3s/registries.yaml", body)],
    notes: [
      "where registries.yaml exists, add these keys to it; then restart k3s on that node. RKE2 reads it in /etc/rancher/rke2",
    ],
  };
}

function tlsOf({ host, trust }: MirrorForClients): string {
  if (trust !== "unverified") return "";
  return `configs:\n  "${host}":\n    tls:\n      insecure_skip_verify: true\n`;
}
