import { DistributionError } from "./distribution-error.ts";
import { type Reference, referenceText } from "./reference.ts";
import { readDigest, readTag } from "./route.ts";

/** An image as people write it, `alpine` or `ghcr.io/owner/image:tag`: which upstream that means is not decided here. */
export interface ImageName {
  /** What stands before tag and digest, as between `/v2/` and the operation of a request. */
  readonly path: string;
  readonly reference: Reference;
}

/**
 * Reads it as clients do: no tag means `latest`, and a tag beside a digest means nothing. Throws DistributionError, whose
 * message says what is wrong.
 */
export function parseImageName(written: string): ImageName {
  const [scheme] = /^[a-z+-]+:\/\/|^docker:/i.exec(written) ?? [];
  if (scheme) throw noImage(`leave ${scheme} out, as in ghcr.io/owner/image:tag`);
  if (/[\s?#]/.test(written)) throw noImage("a name of an image has no space, ? or # in it");
  const at = written.indexOf("@");
  const [path, tag] = splitAtTag(at < 0 ? written : written.slice(0, at));
  if (path === "") throw noImage("it has no name; write for example alpine:3.20");
  if (at >= 0) {
    return { path, reference: { kind: "digest", digest: readDigest(written.slice(at + 1)) } };
  }
  return { path, reference: { kind: "tag", tag: readTag(tag ?? "latest") } };
}

/**
 * The name that an image has in all that sluice prints, whatever was written: `UPSTREAM/REPOSITORY:TAG`, `…@DIGEST`; or
 * without either, for what is asked of the repository as a whole.
 */
export function imageName(
  { upstream, repository }: { readonly upstream: string; readonly repository: string },
  reference: Reference | null,
): string {
  const name = `${upstream}/${repository}`;
  if (reference === null) return name;
  return `${name}${reference.kind === "tag" ? ":" : "@"}${referenceText(reference)}`;
}

/** A colon before the last slash is that of a host's port. */
function splitAtTag(named: string): [path: string, tag: string | null] {
  const colon = named.indexOf(":", named.lastIndexOf("/") + 1);
  return colon < 0 ? [named, null] : [named.slice(0, colon), named.slice(colon + 1)];
}

function noImage(what: string): DistributionError {
  return new DistributionError("NAME_INVALID", what);
}
