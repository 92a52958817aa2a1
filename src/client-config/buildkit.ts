import { byPath } from "./by-path.ts";
import { type Client, commented } from "./client.ts";
import type { MirrorForClients } from "./mirror-for-clients.ts";

/** A standalone buildkitd, or one of `docker buildx create --buildkitd-config`. */
export const buildkit: Client = {
  means: null,
  configure: (mirror) => {
    const { registries, notes } = byPath(mirror);
    const tables = registries.map(
      ({ name, prefix }) => `[registry."${name}"]\n  mirrors = ["${mirror.host}/${prefix}"]\n`,
    );
    return {
      files: [
        commented("/etc/buildkit/buildkitd.toml", [...tables, ...ownTable(mirror)].join("\n")),
      ],
      notes: [
        ...notes,
        "where buildkitd.toml exists, add these tables to it; then restart buildkitd",
      ],
    };
  },
  certificateAt: (host) => `keypair under [registry."${host}"] of that file`,
  logIn: (host) =>
    `BuildKit logs in with what docker login ${host} has stored for whoever starts the build`,
};

function ownTable({ host, trust }: MirrorForClients): string[] {
  switch (trust) {
    case "verified":
      return [];
    case "plain":
      return [`[registry."${host}"]\n  http = true\n`];
    case "unverified":
      return [`[registry."${host}"]\n  insecure = true\n`];
  }
}
