import type { Certificate } from "../../test/support/certificate.ts";
import { type Contestant, versionOf } from "./contestant.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import type { Lab } from "./lab.ts";

/** Debian's docker-registry 2.8 as a pull-through cache: what most people run today. */
export function registryPeer(lab: Lab, tls?: Certificate): Contestant {
  return {
    name: "registry",
    version: () => versionOf("docker-registry", "--version"),
    start: (originUrl) => startDockerRegistry(lab, { proxyFor: originUrl, ...(tls && { tls }) }),
  };
}
