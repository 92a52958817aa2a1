import { STATUS_CODES } from "node:http";
import type { DistributionError } from "../oci/distribution-error.ts";

// A sentence; what is longer is in the body.
const limitChars = 300;

/**
 * What stands behind the status in an error's status line (RFC 9112, section 4): the usual words, and why. Of a 5xx
 * dockerd, podman, skopeo and containerd show their users this line and nothing of the body; containerd of a 403 too.
 */
export function reasonPhrase({ status, message }: DistributionError): string {
  const phrase = `${STATUS_CODES[status] ?? "Error"}: ${message}`;
  return phrase.replace(/[^\x20-\x7e]/g, "?").slice(0, limitChars);
}
