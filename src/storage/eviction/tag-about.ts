import { type Digest, hexOf } from "../../oci/digest.ts";

/** What the tags begin with under which cosign and the referrers' tag schema keep what is about a digest; null if none. */
export function tagAbout(digest: Digest): string | null {
  return digest.startsWith("sha256:") ? `sha256-${hexOf(digest)}` : null;
}

/** What a tag of that form is about. */
export function principalIn(tag: string): Digest | null {
  const [, text] = /^sha256-([0-9a-f]{64})(?![0-9a-z])/.exec(tag) ?? [];
  return text === undefined ? null : (`sha256:${text}` as Digest);
}
