import { type Digest, parseDigest } from "./digest.ts";
import { isObject, parseForeignObject } from "./foreign-json.ts";
import { platformText } from "./platform.ts";

/** What a manifest says of something that it names. Nobody vouches for it. */
export interface Descriptor {
  readonly digest: Digest;
  /** "" where it is none. */
  readonly mediaType: string;
  /** 0 where it is none. */
  readonly sizeBytes: number;
  /** Of a manifest in an index, as far as it is said. */
  readonly platform: string | null;
  /** Whether clients get it from another place, as layers of old Windows images. */
  readonly elsewhere: boolean;
}

export interface DescribedManifest {
  readonly config: Descriptor | null;
  readonly layers: readonly Descriptor[];
  /** Of an index. */
  readonly manifests: readonly Descriptor[];
  /** Of an artifact: the type that it says it has, or else its config. */
  readonly artifactType: string | null;
}

/** What a manifest names, in its order: the first `limit` of each kind. Bytes that are no such JSON name nothing. */
export function describeManifest(bytes: Buffer, limit: number): DescribedManifest {
  const manifest = parseForeignObject(bytes) ?? {};
  const listed = (key: string): Descriptor[] => {
    const list = manifest[key];
    return Array.isArray(list) ? list.slice(0, limit).flatMap(descriptorIn) : [];
  };
  const [config = null] = descriptorIn(manifest["config"]);
  const artifactType = mediaTypeIn(manifest["artifactType"]) || (config?.mediaType ?? "");
  return {
    config,
    layers: [...listed("layers"), ...listed("blobs")],
    manifests: listed("manifests"),
    artifactType: artifactType || null,
  };
}

/** The config and the layers of an image, each once: the first `limit`. */
export function imageContent(bytes: Buffer, limit: number): Descriptor[] {
  const { config, layers } = describeManifest(bytes, limit);
  return eachOnce(config ? [config, ...layers] : layers).slice(0, limit);
}

/** Those of them that the registry has. */
export function ownContent(bytes: Buffer, limit: number): Descriptor[] {
  return imageContent(bytes, limit).filter(({ elsewhere }) => !elsewhere);
}

/** The manifests that an index names, each once: the first `limit`. */
export function childManifests(bytes: Buffer, limit: number): Descriptor[] {
  return eachOnce(describeManifest(bytes, limit).manifests);
}

function eachOnce(descriptors: readonly Descriptor[]): Descriptor[] {
  return [...new Map(descriptors.map((one) => [one.digest, one])).values()];
}

function descriptorIn(value: unknown): Descriptor[] {
  if (!isObject(value)) return [];
  const { digest: text, mediaType, size, platform, urls } = value;
  const digest = typeof text === "string" ? parseDigest(text) : null;
  if (!digest) return [];
  return [
    {
      digest,
      mediaType: mediaTypeIn(mediaType),
      sizeBytes: Number.isSafeInteger(size) ? Math.max(0, Number(size)) : 0,
      platform: platformText(platform),
      elsewhere: Array.isArray(urls) && urls.length > 0,
    },
  ];
}

// RFC 6838, section 4.2: of other characters there are none, and they are shown on terminals.
const mediaTypePattern = /^[\w.+-]{1,127}\/[\w.+-]{1,127}$/;

function mediaTypeIn(value: unknown): string {
  return typeof value === "string" && mediaTypePattern.test(value) ? value : "";
}
