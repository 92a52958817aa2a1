import { DistributionError } from "../oci/distribution-error.ts";

// More mirrors in a row than anybody builds: what a loop through others looks like, and a bound of the header.
const mirrorsLimit = 20;
const headerLimitChars = 2_000;

/**
 * The `CDN-Loop` header (RFC 8586) to ask upstream with: the one that the request came with, and `instance`. Throws
 * DistributionError with status 508 if the request has come through this mirror before: it would wait for its own fill.
 */
export function viaOf(header: string | undefined, instance: string): string {
  if (header === undefined || header === "") return instance;
  const mirrors = header.split(",").map((one) => one.trim());
  if (mirrors.some((one) => nameIn(one) === instance)) {
    throw looped("the request has come back to this mirror");
  }
  if (mirrors.length >= mirrorsLimit || header.length > headerLimitChars) {
    throw looped("the request has come through too many mirrors");
  }
  const via = `${mirrors.join(", ")}, ${instance}`;
  if (!/^[\x20-\x7e]*$/.test(via)) throw looped("the CDN-Loop header is none");
  return via;
}

/** Without the parameters that may follow it. */
function nameIn(mirror: string): string | undefined {
  return mirror.split(";", 1)[0]?.trim();
}

function looped(what: string): DistributionError {
  return new DistributionError(
    "UNAVAILABLE",
    `${what}: an upstream's endpoint leads back here; look at the endpoints of the mirrors in this chain`,
    { status: 508 },
  );
}
