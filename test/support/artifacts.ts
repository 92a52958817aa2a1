import type { Digest } from "../../src/oci/digest.ts";
import { blobOf, descriptorOf, jsonOf, manifestOf, type TestImage } from "./images.ts";
import { gzipOf, tarOf } from "./tar.ts";

const ociManifest = "application/vnd.oci.image.manifest.v1+json";
const ociIndex = "application/vnd.oci.image.index.v1+json";
const ociConfig = "application/vnd.oci.image.config.v1+json";

/** One file of an artifact, or its config. */
export interface ArtifactFile {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What an OCI image manifest holds when it is no image: image spec 1.1, "Guidelines for Artifact Usage". */
export interface ArtifactParts {
  readonly artifactType?: string;
  /** The empty one where nothing is said. */
  readonly config?: ArtifactFile;
  readonly files: readonly ArtifactFile[];
  /** What the artifact is about. */
  readonly subject?: TestImage;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function artifact(parts: ArtifactParts): TestImage {
  const { artifactType, config = emptyConfig, files, subject, annotations } = parts;
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: ociManifest,
    ...(artifactType ? { artifactType } : {}),
    config: fileDescriptor(config),
    layers: files.map(fileDescriptor),
    ...(subject ? { subject: descriptorOfImage(subject) } : {}),
    ...(annotations ? { annotations } : {}),
  });
  return { manifest, blobs: [config, ...files].map(({ bytes }) => blobOf(bytes)), children: [] };
}

/** The index with one more manifest, as BuildKit adds it to say how the first image was built. */
export function withAttestation(image: TestImage): TestImage {
  const { manifests } = JSON.parse(image.manifest.bytes.toString());
  const [first] = manifests;
  const attestation = artifact({
    config: { mediaType: ociConfig, bytes: jsonOf({ architecture: "unknown", os: "unknown" }) },
    files: [{ mediaType: "application/vnd.in-toto+json", bytes: statementAbout(first.digest) }],
  });
  const described = {
    ...descriptorOfImage(attestation),
    platform: { architecture: "unknown", os: "unknown" },
    annotations: {
      "vnd.docker.reference.type": "attestation-manifest",
      "vnd.docker.reference.digest": first.digest,
    },
  };
  return indexOf([...manifests, described], [...image.children, attestation]);
}

/** cosign's signature of an image, which it keeps under `cosignTag`. */
export function cosignSignature(image: TestImage): TestImage {
  const bytes = jsonOf({
    critical: { image: { "docker-manifest-digest": image.manifest.digest }, type: "cosign" },
  });
  const mediaType = "application/vnd.dev.cosign.simplesigning.v1+json";
  const annotations = { "dev.cosignproject.cosign/signature": "bm90IGEgc2lnbmF0dXJl" };
  return artifact({
    config: { mediaType: ociConfig, bytes: jsonOf({ architecture: "", os: "" }) },
    files: [{ mediaType, bytes, annotations }],
  });
}

export function cosignTag({ manifest }: TestImage): string {
  return `${manifest.digest.replace(":", "-")}.sig`;
}

/** The tag under which clients list what refers to an image, where a registry does not: spec 1.1, "Referrers Tag Schema". */
export function referrersTag({ manifest }: TestImage): string {
  return manifest.digest.replace(":", "-");
}

/** What stands under that tag. */
export function referrersIndex(artifacts: readonly TestImage[]): TestImage {
  return indexOf(artifacts.map(referrerDescriptor), artifacts);
}

/** An artifact as lists of referrers describe it: with its type and its annotations. */
export function referrerDescriptor(one: TestImage): object {
  const { artifactType, config, annotations } = JSON.parse(one.manifest.bytes.toString());
  return {
    ...descriptorOfImage(one),
    artifactType: artifactType ?? config.mediaType,
    ...(annotations ? { annotations } : {}),
  };
}

/** A Helm chart of one file, as `helm push` stores it. */
export function helmChart(name: string, version: string): TestImage {
  const chart = Buffer.from(`apiVersion: v2\nname: ${name}\nversion: ${version}\n`);
  const archive = tarOf([{ path: `${name}/Chart.yaml`, bytes: chart }]);
  const helm = "application/vnd.cncf.helm";
  return artifact({
    config: { mediaType: `${helm}.config.v1+json`, bytes: jsonOf({ name, version }) },
    files: [{ mediaType: `${helm}.chart.content.v1.tar+gzip`, bytes: gzipOf(archive) }],
  });
}

// Image spec 1.1, "Guidance for an Empty Descriptor".
const emptyConfig: ArtifactFile = {
  mediaType: "application/vnd.oci.empty.v1+json",
  bytes: Buffer.from("{}"),
};

function fileDescriptor({ mediaType, bytes, annotations }: ArtifactFile): object {
  const descriptor = descriptorOf(mediaType, blobOf(bytes));
  return annotations ? { ...descriptor, annotations } : descriptor;
}

function descriptorOfImage({ manifest }: TestImage): object {
  return descriptorOf(manifest.mediaType, manifest);
}

function indexOf(manifests: readonly object[], children: readonly TestImage[]): TestImage {
  const manifest = manifestOf({ schemaVersion: 2, mediaType: ociIndex, manifests });
  return { manifest, blobs: [], children };
}

function statementAbout(digest: Digest): Buffer {
  return jsonOf({ _type: "https://in-toto.io/Statement/v0.1", subject: [{ digest }] });
}
