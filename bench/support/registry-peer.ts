import { type Contestant, versionOf } from "./contestant.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import type { Lab } from "./lab.ts";

/** Debian's docker-registry 2.8 as a pull-through cache: what most people run today. */
export function registryPeer(lab: Lab): Contestant {
  return {
    name: "registry",
    version: () => versionOf("docker-registry", "--version"),
    start: (originUrl) => startDockerRegistry(lab, originUrl),
  };
}
