import { DistributionError } from "../oci/distribution-error.ts";
import type { Route } from "../oci/route.ts";

/** Whoever waits, by `User-Agent`, on a 429, and does not go on to where the image may be had. */
const whoWaits: readonly RegExp[] = [
  // github.com/containers/image: five tries with 2 to 60 seconds between them, as Retry-After says. A cold pull took
  // skopeo 91 s to fail, and podman over 120.
  /^(containers|skopeo|libpod|podman|buildah|cri-o)\//i,
  // containerd's resolver: six requests in the same millisecond before the next host has its turn.
  /^(containerd|buildkit|nerdctl)\b/i,
];

// It shows users the words of a 429 about a manifest, or goes on to Docker Hub. About a layer it fails the pull, where a
// 503 lets it try five times with growing pauses.
const dockerd = /^docker\//i;

/**
 * An error as this client makes the best of it: an upstream's 429 is a 503 to those who would wait in vain, or fail a pull
 * that they had better try again. `Retry-After` stays. Other mirrors, and whoever is not known, get what upstream said.
 */
export function answerForClient(
  error: DistributionError,
  userAgent: string | undefined,
  route: Route | null,
): DistributionError {
  if (error.status !== 429 || userAgent === undefined) return error;
  const takesAmiss =
    whoWaits.some((agent) => agent.test(userAgent)) ||
    (dockerd.test(userAgent) && route?.kind === "blob");
  if (!takesAmiss) return error;
  const { code, message, headers, detail, cause } = error;
  return new DistributionError(code, message, { status: 503, headers, detail, cause });
}
