import type { TestMirror } from "./test-mirror.ts";

interface Manifest {
  readonly manifests?: readonly { readonly digest: string }[];
  readonly config?: { readonly digest: string };
  readonly layers?: readonly { readonly digest: string }[];
}

const accept =
  "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json";

/** Pulls an image through the mirror, with every platform of it; resolves to how many requests that took. */
export async function pullImage(
  mirror: TestMirror,
  repository: string,
  reference: string,
): Promise<number> {
  const answer = await mirror.get(`/v2/${repository}/manifests/${reference}`, { accept });
  if (answer.status !== 200) throw new Error(`${repository}:${reference}: ${answer.status}`);
  const { manifests = [], config, layers = [] } = JSON.parse(answer.body.toString()) as Manifest;
  let requests = 1;
  for (const { digest } of manifests) requests += await pullImage(mirror, repository, digest);
  for (const { digest } of [...(config ? [config] : []), ...layers]) {
    await mirror.get(`/v2/${repository}/blobs/${digest}`);
    requests += 1;
  }
  await mirror.idle();
  return requests;
}
