import { createHash } from "node:crypto";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { SeededContent } from "./seeded-content.ts";

/** A manifest as small as one can be, and the same as content that answers can be held against. */
export interface FaultManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: Digest;
  readonly content: SeededContent;
}

export function manifestOfBytes(seed: string): FaultManifest {
  const empty = digestOf(Buffer.alloc(0));
  const mediaType = "application/vnd.oci.image.manifest.v1+json";
  const config = { mediaType: "application/vnd.oci.empty.v1+json", size: 0, digest: empty };
  const note = createHash("sha256").update(seed).digest("hex");
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, mediaType, config, layers: [], annotations: { note } }),
  );
  return { mediaType, bytes, digest: digestOf(bytes), content: SeededContent.of(bytes) };
}
