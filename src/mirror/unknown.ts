import type { Digest } from "../oci/digest.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { PlainTarget } from "../upstream/upstreams.ts";

// What clients are told of what upstream has not, whoever finds that out: a refusal must not tell by its words what is here.

export function blobUnknown(digest: Digest): DistributionError {
  return new DistributionError("BLOB_UNKNOWN", "upstream has no such blob in this repository", {
    detail: { digest },
  });
}

/** `reference` is a tag or a digest. */
export function manifestUnknown(reference: string): DistributionError {
  return new DistributionError(
    "MANIFEST_UNKNOWN",
    "upstream has no such manifest in this repository",
    { detail: { reference } },
  );
}

export function nameUnknown({ upstream, repository }: PlainTarget): DistributionError {
  return new DistributionError("NAME_UNKNOWN", `${upstream.name} has no repository ${repository}`);
}
