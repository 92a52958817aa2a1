import { type Digest, digestOf } from "../../src/oci/digest.ts";
import type { Manifest } from "../../src/oci/manifest.ts";
import { noise } from "./noise.ts";
import { type Architecture, printingProgram } from "./printing-program.ts";
import { gzipOf, type TarFile, tarOf, zstdOf } from "./tar.ts";

export interface TestBlob {
  readonly digest: Digest;
  readonly bytes: Buffer;
}

/** An image in memory. An index has its images as `children` and no blobs; an image has blobs and no children. */
export interface TestImage {
  readonly manifest: Manifest;
  /** The config, then the layers from the lowest up. */
  readonly blobs: readonly TestBlob[];
  readonly children: readonly TestImage[];
}

/** What an image is made of. Equal parts make equal digests, on every machine. */
export interface ImageParts {
  readonly layers: readonly (readonly TarFile[])[];
  /** amd64 where nothing is said. */
  readonly architecture?: Architecture;
  /** The program to run, as a path and arguments. */
  readonly command?: readonly string[];
  /** How layers are compressed; gzip where nothing is said. zstd is of OCI's media types only. */
  readonly compression?: Compression;
}

export type Compression = "gzip" | "zstd";

/** An image with the media types of the OCI image spec 1.1. */
export function ociImage(parts: ImageParts): TestImage {
  return imageOf(parts, oci);
}

/** An image with Docker's media types ("schema 2"). */
export function dockerImage(parts: ImageParts): TestImage {
  return imageOf(parts, docker);
}

/** An OCI image index over one image for each of `parts`, whose architectures differ. */
export function ociIndex(parts: readonly ImageParts[]): TestImage {
  return indexOf(parts, oci);
}

/** Docker's manifest list over one image for each of `parts`, whose architectures differ. */
export function dockerManifestList(parts: readonly ImageParts[]): TestImage {
  return indexOf(parts, docker);
}

/** An OCI index for amd64 and arm64 that any Linux of these can run; it prints `message` and a newline. */
export function runnableImage(message: string): TestImage {
  return ociIndex(runnableParts(message));
}

/** The same for clients that know Docker's media types only. */
export function runnableDockerImage(message: string): TestImage {
  return dockerManifestList(runnableParts(message));
}

/** An image whose one layer is a little larger than `layerBytes` and differs for every `seed`. */
export function imageOfSize(seed: string, layerBytes: number): TestImage {
  return ociImage({ layers: [[{ path: "noise", bytes: noise(seed, layerBytes) }]] });
}

/** A blob of exactly `sizeBytes` that differs for every `seed`. */
export function noiseBlob(seed: string, sizeBytes: number): TestBlob {
  return blobOf(noise(seed, sizeBytes));
}

export function blobOf(bytes: Buffer): TestBlob {
  return { digest: digestOf(bytes), bytes };
}

/** The top layer of an image that is no index. */
export function topLayerOf(image: TestImage): TestBlob {
  const layer = image.blobs.at(-1);
  if (!layer) throw new Error(`${image.manifest.mediaType} has no layers`);
  return layer;
}

interface MediaTypes {
  readonly index: string;
  readonly manifest: string;
  readonly config: string;
  /** Of a layer that is compressed by gzip. */
  readonly layer: string;
}

const oci: MediaTypes = {
  index: "application/vnd.oci.image.index.v1+json",
  manifest: "application/vnd.oci.image.manifest.v1+json",
  config: "application/vnd.oci.image.config.v1+json",
  layer: "application/vnd.oci.image.layer.v1.tar+gzip",
};

const docker: MediaTypes = {
  index: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifest: "application/vnd.docker.distribution.manifest.v2+json",
  config: "application/vnd.docker.container.image.v1+json",
  layer: "application/vnd.docker.image.rootfs.diff.tar.gzip",
};

function runnableParts(message: string): ImageParts[] {
  return (["amd64", "arm64"] as const).map((architecture) => ({
    architecture,
    command: ["/say"],
    layers: [[{ path: "say", mode: 0o755, bytes: printingProgram(architecture, `${message}\n`) }]],
  }));
}

function imageOf(parts: ImageParts, types: MediaTypes): TestImage {
  const archives = parts.layers.map(tarOf);
  const { compression = "gzip" } = parts;
  const layers = archives.map((archive) => blobOf(compressed[compression](archive)));
  const config = blobOf(configOf(parts, archives));
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: types.manifest,
    config: descriptorOf(types.config, config),
    layers: layers.map((layer) => descriptorOf(layerType(types, compression), layer)),
  });
  return { manifest, blobs: [config, ...layers], children: [] };
}

const compressed = { gzip: gzipOf, zstd: zstdOf } as const;

// Both specs name the compression at the end of the type.
function layerType({ layer }: MediaTypes, compression: Compression): string {
  return layer.replace(/gzip$/, compression);
}

// OCI image spec, "Image Configuration"; Docker's has the same fields.
function configOf(parts: ImageParts, archives: readonly Buffer[]): Buffer {
  return jsonOf({
    created: "1970-01-01T00:00:00Z",
    ...platformOf(parts),
    config: parts.command ? { Cmd: parts.command } : {},
    rootfs: { type: "layers", diff_ids: archives.map((archive) => digestOf(archive)) },
  });
}

function indexOf(parts: readonly ImageParts[], types: MediaTypes): TestImage {
  const children = parts.map((part) => imageOf(part, types));
  const manifests = children.map(({ manifest }, at) => ({
    ...descriptorOf(manifest.mediaType, manifest),
    platform: platformOf(parts[at] ?? { layers: [] }),
  }));
  const manifest = manifestOf({ schemaVersion: 2, mediaType: types.index, manifests });
  return { manifest, blobs: [], children };
}

function platformOf({ architecture = "amd64" }: ImageParts): { architecture: string; os: string } {
  return { architecture, os: "linux" };
}

/** A manifest of any kind: JSON as it is written here, under its own media type. */
export function manifestOf(value: {
  readonly mediaType: string;
  readonly [key: string]: unknown;
}): Manifest {
  return { mediaType: value.mediaType, ...blobOf(jsonOf(value)) };
}

export function descriptorOf(
  mediaType: string,
  { digest, bytes }: TestBlob,
): { mediaType: string; size: number; digest: Digest } {
  return { mediaType, size: bytes.length, digest };
}

export function jsonOf(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
