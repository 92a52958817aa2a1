import { noiseBlob, ociImage } from "../../test/support/images.ts";
import { noise } from "../../test/support/noise.ts";
import { pushBlob, pushImage } from "../../test/support/push.ts";
import { startDockerRegistry } from "./docker-registry.ts";
import type { Lab } from "./lab.ts";

/** The registry all contestants pull from. */
export interface Origin {
  readonly url: string;
  readonly pid: number;
  /** Where it keeps its files, as `docker/registry/v2/…`. */
  readonly directory: string;
}

export function startOrigin(lab: Lab): Promise<Origin> {
  return startDockerRegistry(lab);
}

export interface PlacedBlob {
  /** From the root of the origin, and of any contestant: `/v2/bench/…`. */
  readonly path: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

/** Pushes a blob that does not compress, the same for the same name and size, to `bench/NAME`. */
export async function placeBlob(
  origin: Origin,
  { name, sizeBytes }: { readonly name: string; readonly sizeBytes: number },
): Promise<PlacedBlob> {
  const repository = `bench/${name}`;
  const blob = noiseBlob(name, sizeBytes);
  await pushBlob(origin.url, repository, blob);
  return { path: `/v2/${repository}/blobs/${blob.digest}`, digest: blob.digest, sizeBytes };
}

export interface PlacedImage {
  /** `bench/NAME:latest`. */
  readonly reference: string;
  readonly digest: string;
  /** What a client that asks for it sends. */
  readonly headers: Readonly<Record<string, string>>;
  readonly tagPath: string;
  readonly digestPath: string;
}

export interface Layers {
  readonly count: number;
  readonly sizeBytes: number;
}

// So many that its manifest is as long as a usual one.
const usualLayers: Layers = { count: 10, sizeBytes: 1_000 };

/** Pushes an image to `bench/NAME:latest`. */
export async function placeImage(
  origin: Origin,
  name: string,
  { count, sizeBytes }: Layers = usualLayers,
): Promise<PlacedImage> {
  const repository = `bench/${name}`;
  const layers = Array.from({ length: count }, (_, at) => [
    { path: `file-${at}`, bytes: noise(`${name} ${at}`, sizeBytes) },
  ]);
  const image = ociImage({ layers });
  await pushImage(origin.url, repository, "latest", image);
  const { digest, mediaType } = image.manifest;
  const manifests = `/v2/${repository}/manifests`;
  return {
    reference: `${repository}:latest`,
    digest,
    headers: { accept: mediaType },
    tagPath: `${manifests}/latest`,
    digestPath: `${manifests}/${digest}`,
  };
}
