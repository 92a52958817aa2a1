import { byPath } from "./by-path.ts";
import { type Client, commented } from "./client.ts";
import type { MirrorForClients } from "./mirror-for-clients.ts";

const path = "/etc/containers/registries.conf.d/sluice.conf";

/** podman, buildah, skopeo and CRI-O. They rewrite names, so that the registry has to stand in the path. */
export const podman: Client = {
  means: null,
  configure: (mirror) => {
    const { registries, notes } = byPath(mirror);
    const tables = registries.map(({ name, prefix }) => table(name, prefix, mirror));
    return {
      files: [commented(path, tables.join("\n"))],
      notes: [
        ...notes,
        "podman, buildah and skopeo read it at each run; for CRI-O run: systemctl reload crio",
      ],
    };
  },
  certificateAt: (host) => `/etc/containers/certs.d/${host}: client.cert and client.key`,
  logIn: (host) =>
    `podman, buildah and skopeo log in with what podman login ${host} has stored, CRI-O with its global_auth_file`,
};

function table(name: string, prefix: string, { host, trust }: MirrorForClients): string {
  return `[[registry]]
location = "${name}"
[[registry.mirror]]
location = "${host}/${prefix}"
${trust === "verified" ? "" : "insecure = true\n"}`;
}
