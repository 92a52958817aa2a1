import { type Digest, parseDigest } from "./digest.ts";

export type Tag = string & { readonly brand: "tag" };

/** What follows `/manifests/`: a tag, or a digest. */
export type Reference =
  | { readonly kind: "tag"; readonly tag: Tag }
  | { readonly kind: "digest"; readonly digest: Digest };

// Distribution spec 1.1, "Pulling manifests": the grammar of <reference> as a tag.
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;

export function parseTag(text: string): Tag | null {
  return tagPattern.test(text) ? (text as Tag) : null;
}

export function parseReference(text: string): Reference | null {
  const digest = parseDigest(text);
  if (digest) return { kind: "digest", digest };
  const tag = parseTag(text);
  return tag && { kind: "tag", tag };
}

export function referenceText(reference: Reference): string {
  return reference.kind === "tag" ? reference.tag : reference.digest;
}
