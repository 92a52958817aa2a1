import { type Digest, parseDigest } from "./digest.ts";
import { isObject, parseForeignObject } from "./foreign-json.ts";
import type { Manifest } from "./manifest.ts";

/** A descriptor in a list of referrers: distribution spec 1.1, "Listing Referrers". */
export interface Referrer {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
  readonly artifactType?: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

export const referrersMediaType = "application/vnd.oci.image.index.v1+json";

/** The referrers in an image index, entries that are none left out; null if the bytes are no image index. */
export function referrersIn(bytes: Buffer): Referrer[] | null {
  const index = parseForeignObject(bytes);
  const manifests = index?.["manifests"];
  return Array.isArray(manifests) ? manifests.flatMap(referrerIn) : null;
}

/** How a manifest with a subject is listed: its type is its own, or else its config's. */
export function referrerOf({ digest, mediaType, bytes }: Manifest): Referrer {
  const manifest = parseForeignObject(bytes) ?? {};
  const config = manifest["config"];
  const configType = isObject(config) ? config["mediaType"] : undefined;
  const artifactType = manifest["artifactType"] || configType;
  return {
    mediaType,
    digest,
    size: bytes.length,
    ...extrasOf({ artifactType, annotations: manifest["annotations"] }),
  };
}

/** The list as the spec wants it: an image index. */
export function referrersIndex(referrers: readonly Referrer[]): Buffer {
  return Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType: referrersMediaType, manifests: referrers }),
  );
}

function referrerIn(descriptor: unknown): Referrer[] {
  if (!isObject(descriptor)) return [];
  const { mediaType, digest: text, size } = descriptor;
  const digest = typeof text === "string" ? parseDigest(text) : null;
  if (!digest || typeof mediaType !== "string" || !isSize(size)) return [];
  return [{ mediaType, digest, size, ...extrasOf(descriptor) }];
}

function isSize(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}

function extrasOf({
  artifactType,
  annotations,
}: Readonly<Record<string, unknown>>): Pick<Referrer, "artifactType" | "annotations"> {
  return {
    ...(typeof artifactType === "string" && artifactType !== "" ? { artifactType } : {}),
    ...(isObject(annotations) ? { annotations: textsIn(annotations) } : {}),
  };
}

function textsIn(annotations: Readonly<Record<string, unknown>>): Record<string, string> {
  const texts = Object.entries(annotations).filter(([, value]) => typeof value === "string");
  return Object.fromEntries(texts) as Record<string, string>;
}
