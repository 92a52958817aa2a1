import {
  artifact,
  cosignSignature,
  cosignTag,
  helmChart,
  referrersIndex,
  referrersTag,
  withAttestation,
} from "./artifacts.ts";
import type { DockerRegistry } from "./docker-registry.ts";
import {
  dockerImage,
  dockerManifestList,
  type ImageParts,
  jsonOf,
  ociImage,
  ociIndex,
  type TestImage,
} from "./images.ts";
import { noise } from "./noise.ts";
import { type Architecture, printingProgram } from "./printing-program.ts";
import { pushByDigest, pushImage, pushTags } from "./push.ts";
import type { TarFile } from "./tar.ts";

/** One image of the corpus, where it is kept. Without tags it is known by its digest only. */
export interface CorpusImage {
  readonly repository: string;
  readonly tags: readonly string[];
  readonly image: TestImage;
}

type HubImage = "multi" | "list" | "schema2" | "deep";
type Service = "serviceA" | "serviceB" | "serviceC";
type AboutSigned = "cosignSignature" | "signatureArtifact" | "bom" | "referrers";
type GhcrImage = "zstd" | Service | "signed" | AboutSigned | "chart";

const signed = ociImage(runnable("sluice-corpus/signed"));
const signatureArtifact = artifact({
  artifactType: "application/vnd.dev.cosign.artifact.sig.v1+json",
  files: [{ mediaType: "application/octet-stream", bytes: Buffer.from("not a signature") }],
  subject: signed,
});
const bom = artifact({
  artifactType: "application/spdx+json",
  files: [{ mediaType: "application/spdx+json", bytes: jsonOf({ spdxVersion: "SPDX-2.3" }) }],
  subject: signed,
  annotations: { "org.opencontainers.image.created": "1970-01-01T00:00:00Z" },
});

/** What is found on Docker Hub. Every image has a program for amd64 that prints its repository and a newline. */
export const hubCorpus: Readonly<Record<HubImage, CorpusImage>> = {
  multi: kept("library/sluice-multi", ["1.0", "latest"], (name) =>
    withAttestation(ociIndex(onTwoArchitectures(name))),
  ),
  list: kept("library/sluice-list", ["latest"], (name) =>
    dockerManifestList(onTwoArchitectures(name)),
  ),
  schema2: kept("sluice-corpus/schema2", ["1"], (name) => dockerImage(runnable(name))),
  deep: kept("library/sluice-deep", ["1"], (name) =>
    ociImage(runnable(name, "amd64", innerLayers())),
  ),
};

/** What is found on ghcr.io, artifacts of all kinds too. The services have all layers but the top one in common. */
export const ghcrCorpus: Readonly<Record<GhcrImage, CorpusImage>> = {
  zstd: kept("sluice-corpus/zstd", ["1"], (name) =>
    ociImage({ ...runnable(name), compression: "zstd" }),
  ),
  serviceA: kept("sluice-corpus/service-a", ["1"], (name) => ociImage(runnable(name))),
  serviceB: kept("sluice-corpus/service-b", ["1"], (name) => ociImage(runnable(name))),
  serviceC: kept("sluice-corpus/service-c", ["1"], (name) => ociImage(runnable(name))),
  signed: kept("sluice-corpus/signed", ["1"], () => signed),
  cosignSignature: kept("sluice-corpus/signed", [cosignTag(signed)], () => cosignSignature(signed)),
  signatureArtifact: kept("sluice-corpus/signed", [], () => signatureArtifact),
  bom: kept("sluice-corpus/signed", [], () => bom),
  referrers: kept("sluice-corpus/signed", [referrersTag(signed)], () =>
    referrersIndex([signatureArtifact, bom]),
  ),
  chart: kept("charts/sluice-demo", ["0.1.0"], () => helmChart("sluice-demo", "0.1.0")),
};

/** A repository of 250 tags, `1.0` to `1.249`, of one small image. */
export const manyTags: CorpusImage = kept(
  "sluice-corpus/tags",
  Array.from({ length: 250 }, (_, at) => `1.${at}`),
  () => ociImage({ layers: [[{ path: "tagged", bytes: Buffer.from("tagged") }]] }),
);

export async function pushCorpus(
  registry: DockerRegistry,
  images: readonly CorpusImage[],
): Promise<void> {
  for (const { repository, tags, image } of images) {
    const [first, ...others] = tags;
    if (first) await pushImage(registry.url, repository, first, image);
    else await pushByDigest(registry.url, repository, image);
    await pushTags(registry.url, repository, others, image);
  }
}

/** `REPOSITORY:TAG` by the first tag, or `REPOSITORY@DIGEST`. */
export function nameOf({ repository, tags, image }: CorpusImage): string {
  const [tag] = tags;
  return tag ? `${repository}:${tag}` : `${repository}@${image.manifest.digest}`;
}

function kept(
  repository: string,
  tags: readonly string[],
  make: (repository: string) => TestImage,
): CorpusImage {
  return { repository, tags, image: make(repository) };
}

function onTwoArchitectures(name: string): ImageParts[] {
  return [runnable(name, "amd64"), runnable(name, "arm64")];
}

// A base of several times what the mirror holds back, and a program on top of it.
function runnable(
  name: string,
  architecture: Architecture = "amd64",
  between: readonly (readonly TarFile[])[] = [],
): ImageParts {
  const base = [{ path: "lib/base", bytes: noise(`base ${architecture}`, 1_000_000) }];
  const bytes = printingProgram(architecture, `${name}\n`);
  const top = [{ path: "say", mode: 0o755, bytes }];
  return { architecture, command: ["/say"], layers: [base, ...between, top] };
}

// Forty layers with the base and the program; of 1 byte to about 80 KB, on both sides of what is held back.
function innerLayers(): TarFile[][] {
  return Array.from({ length: 38 }, (_, at) => [
    { path: `lib/${at}`, bytes: noise(`deep ${at}`, 1 + at * 2_000) },
  ]);
}
