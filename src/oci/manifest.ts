import { type Digest, parseDigest } from "./digest.ts";
import { isObject, parseForeignObject } from "./foreign-json.ts";

/** Every media type a manifest may have; schema 1 is absent because nothing makes it any more. */
export const manifestMediaTypes: readonly string[] = [
  "application/vnd.oci.image.index.v1+json",
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.list.v2+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

const imageMediaTypes: readonly string[] = [
  "application/vnd.oci.image.manifest.v1+json",
  "application/vnd.docker.distribution.manifest.v2+json",
];

/** Whether a manifest of this type is of one image, and not an index of several. */
export function isImageManifest(mediaType: string): boolean {
  return imageMediaTypes.includes(mediaType);
}

/** Whether a manifest of this type names manifests, one for each platform. */
export function isImageIndex(mediaType: string): boolean {
  return manifestMediaTypes.includes(mediaType) && !isImageManifest(mediaType);
}

// The spec asks registries to take manifests of at least 4 MB. We hold them whole in memory, so this
// is also the most we accept.
export const manifestLimitBytes: number = 4 * 1024 * 1024;

/** A manifest as it goes over the wire: its bytes are never changed. */
export interface Manifest {
  readonly digest: Digest;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/**
 * The digests a manifest names: config, layers (`blobs` in artifact manifests) and child manifests, each
 * once, the subject left out. Bytes that are no such JSON name nothing: a manifest is opaque to a mirror.
 */
export function referencedDigests(bytes: Buffer): Digest[] {
  const manifest = parseForeignObject(bytes);
  if (!manifest) return [];
  const descriptors = [
    manifest["config"],
    ...["manifests", "layers", "blobs"].flatMap((key) => listOf(manifest[key])),
  ];
  return [...new Set(descriptors.flatMap(digestIn))];
}

/** The digest of the manifest that this one says it is about, or null. */
export function subjectOf(bytes: Buffer): Digest | null {
  return digestIn(parseForeignObject(bytes)?.["subject"])[0] ?? null;
}

/** Whether the bytes are a JSON object: what no digest vouches for must at least be that to be taken for a manifest. */
export function looksLikeManifest(bytes: Buffer): boolean {
  return parseForeignObject(bytes) !== null;
}

/** The media type a manifest says it has, or null. */
export function declaredMediaType(bytes: Buffer): string | null {
  const mediaType = parseForeignObject(bytes)?.["mediaType"];
  return typeof mediaType === "string" ? mediaType : null;
}

function listOf(value: unknown): unknown[] {
  return Array.isArray(value) ? value : [];
}

function digestIn(descriptor: unknown): Digest[] {
  const text = isObject(descriptor) ? descriptor["digest"] : undefined;
  const digest = typeof text === "string" ? parseDigest(text) : null;
  return digest ? [digest] : [];
}
