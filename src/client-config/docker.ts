import { dockerHub } from "../config/host.ts";
import type { Client, ClientConfig } from "./client.ts";
import { ClientConfigError } from "./client-config-error.ts";
import { clientInHostsToml, headerInHostsToml, hostsTomlFiles } from "./hosts-toml.ts";
import type { MirrorForClients } from "./mirror-for-clients.ts";

/** An engine with a store of its own. */
export const docker: Client = {
  // The only registry for which the engine has mirrors, and it does not say so in its requests.
  means: dockerHub,
  configure: daemonJson,
  certificateAt: (host) => `/etc/docker/certs.d/${host}: client.cert and client.key`,
  logIn: (host) =>
    `Docker's engine never logs in to a mirror of registry-mirrors, and goes to Docker Hub itself when that refuses: let it in without a login by server.access, by its networks for example; for prefixed pulls run: docker login ${host}`,
};

/** An engine that keeps images in containerd's store: it has mirrors for any registry. */
export const dockerOnContainerd: Client = {
  means: null,
  configure: (mirror) => ({
    files: hostsTomlFiles("/etc/docker/certs.d", mirror),
    notes: [
      "this is for an engine whose docker info says driver-type: io.containerd.snapshotter.v1",
    ],
  }),
  logIn: headerInHostsToml,
  certificateAt: clientInHostsToml,
};

function daemonJson({ url, trust, unnamed }: MirrorForClients): ClientConfig {
  if (unnamed !== dockerHub) throw notDockerHub(unnamed);
  // BuildKit within the engine goes by the scheme; where there is none it tries TLS.
  const insecure = trust === "verified" ? {} : { "insecure-registries": [url] };
  const settings = { "registry-mirrors": [url], ...insecure };
  return {
    files: [{ path: "/etc/docker/daemon.json", text: `${JSON.stringify(settings, null, 2)}\n` }],
    notes: [
      "where daemon.json exists, add these keys to it; then run: systemctl reload docker",
      `Docker's engine has mirrors for images of ${dockerHub} only; for others put the mirror before their names, or see --containerd-store`,
    ],
  };
}

function notDockerHub(unnamed: string | null): ClientConfigError {
  const key = `upstreams."${dockerHub}"`;
  return new ClientConfigError(
    `Docker asks its mirrors for images of ${dockerHub} without saying so, and at this address that means ${unnamed ?? "no upstream"}: set ${key}.default, or name by --address a host that is in ${key}.hosts`,
  );
}
