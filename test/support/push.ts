import { type Answer, ask } from "./ask.ts";
import type { TestBlob, TestImage } from "./images.ts";

/** Pushes an image with everything it names: distribution spec 1.1, "Push". */
export async function pushImage(
  registryUrl: string,
  repository: string,
  tag: string,
  image: TestImage,
): Promise<void> {
  await pushParts(registryUrl, repository, image);
  await pushManifest(registryUrl, repository, tag, image);
}

/** Pushes an image that is known by its digest only, such as an artifact that refers to another one. */
export async function pushByDigest(
  registryUrl: string,
  repository: string,
  image: TestImage,
): Promise<void> {
  await pushImage(registryUrl, repository, image.manifest.digest, image);
}

/** Lets tags mean an image that is there. */
export async function pushTags(
  registryUrl: string,
  repository: string,
  tags: readonly string[],
  image: TestImage,
): Promise<void> {
  for (const tag of tags) await pushManifest(registryUrl, repository, tag, image);
}

export async function pushBlob(
  registryUrl: string,
  repository: string,
  { digest, bytes }: TestBlob,
): Promise<void> {
  const uploads = `${registryUrl}/v2/${repository}/blobs/uploads/`;
  const opened = mustBe(202, await ask(uploads, { method: "POST" }));
  const upload = new URL(opened.headers.location ?? "", uploads);
  upload.searchParams.set("digest", digest);
  const headers = { "content-type": "application/octet-stream" };
  mustBe(201, await ask(upload.href, { method: "PUT", headers, body: bytes }));
}

async function pushParts(url: string, repository: string, image: TestImage): Promise<void> {
  for (const child of image.children) {
    await pushParts(url, repository, child);
    await pushManifest(url, repository, child.manifest.digest, child);
  }
  await Promise.all(image.blobs.map((blob) => pushBlob(url, repository, blob)));
}

async function pushManifest(
  url: string,
  repository: string,
  reference: string,
  { manifest }: TestImage,
): Promise<void> {
  const headers = { "content-type": manifest.mediaType };
  const question = { method: "PUT", headers, body: manifest.bytes };
  mustBe(201, await ask(`${url}/v2/${repository}/manifests/${reference}`, question));
}

function mustBe(status: number, answer: Answer): Answer {
  if (answer.status === status) return answer;
  throw new Error(`the registry answered ${answer.status}, not ${status}: ${answer.bytes}`);
}
