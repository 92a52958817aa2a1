import type { Client } from "./client.ts";
import {
  clientInHostsToml,
  defaultHostsToml,
  headerInHostsToml,
  hostsTomlFiles,
} from "./hosts-toml.ts";

const directory = "/etc/containerd/certs.d";

const notes = [
  `containerd reads these files at each pull; for Kubernetes its config.toml has to say config_path = "${directory}" in the CRI plugin's table of registries`,
];

/** A file for each registry of the mirror. */
export const containerd: Client = {
  means: null,
  configure: (mirror) => ({ files: hostsTomlFiles(directory, mirror), notes }),
  logIn: headerInHostsToml,
  certificateAt: clientInHostsToml,
};

/** One file for every registry, those too that the mirror will only be told of later. */
export const containerdForAny: Client = {
  means: null,
  configure: (mirror) => ({ files: [defaultHostsToml(directory, mirror)], notes }),
  logIn: headerInHostsToml,
  certificateAt: clientInHostsToml,
};
