import type { Settings } from "./sluice-process.ts";

/** A server on loopback that answers as a registry. */
export interface StandIn {
  readonly url: string;
}

/** The `upstreams` of a configuration in which a local registry stands for Docker Hub, and another for ghcr.io. */
export function standIns(hub: StandIn, ghcr?: StandIn): Settings {
  return {
    "docker.io": { endpoints: [hub.url], default: true },
    ...(ghcr ? { "ghcr.io": { endpoints: [ghcr.url] } } : {}),
  };
}
