import assert from "node:assert/strict";
import { glob, mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { ociIndex, runnableDockerImage, type TestImage } from "../support/images.ts";
import { noise } from "../support/noise.ts";
import { pushImage } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { copyAll, skopeo } from "../support/skopeo.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

const layers = ["base", "app"].map((path) => [{ path, bytes: noise(path, 3_000_000) }]);
const index = ociIndex([
  { architecture: "amd64", layers },
  { architecture: "arm64", layers },
]);
const list = runnableDockerImage("hello");

interface Copied {
  readonly kind: string;
  readonly image: TestImage;
  readonly destination: (directory: string) => string;
}

// skopeo writes an OCI layout from OCI media types only, or it would have to change the bytes.
const copied: readonly Copied[] = [
  { kind: "an OCI index", image: index, destination: (directory) => `oci:${directory}:image` },
  { kind: "a docker manifest list", image: list, destination: (directory) => `dir:${directory}` },
];

for (const { kind, image, destination } of copied) {
  test(`skopeo copies ${kind} with every platform, and gets the same files as from upstream itself`, async (t) => {
    if (!haveAll(t, "docker-registry", "skopeo")) return;
    await using ghcr = await DockerRegistry.start();
    await using hub = await DockerRegistry.start();
    await pushImage(ghcr.url, "owner/image", "v1", image);
    await using mirror = await SluiceProcess.start({ upstreams: standIns(hub, ghcr) });
    await using home = await mkdtempDisposable(join(tmpdir(), "copies-"));
    const [direct, cold, warm] = [join(home.path, "a"), join(home.path, "b"), join(home.path, "c")];

    await copyAll(`${ghcr.host}/owner/image:v1`, destination(direct));
    await copyAll(`${mirror.host}/ghcr.io/owner/image:v1`, destination(cold));
    const coldGets = (await ghcr.blobGets()).length;
    await copyAll(`${mirror.host}/ghcr.io/owner/image:v1`, destination(warm));

    const expected = await contentOf(direct);
    assert.ok([...expected.values()].includes(image.manifest.digest));
    assert.deepEqual(await contentOf(cold), expected);
    assert.deepEqual(await contentOf(warm), expected);
    assert.equal((await ghcr.blobGets()).length, coldGets, "the warm copy asked for no blob");
  });
}

test("skopeo inspects an image, and sees the manifest's own bytes", async (t) => {
  if (!haveAll(t, "docker-registry", "skopeo")) return;
  await using hub = await DockerRegistry.start();
  await pushImage(hub.url, "library/app", "v1", index);
  await pushImage(hub.url, "library/app", "v2", index);
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub) });
  const image = `docker://${mirror.host}/app:v1`;

  const inspected = JSON.parse(await skopeo("inspect", "--tls-verify=false", image));
  const raw = await skopeo("inspect", "--raw", "--tls-verify=false", image);

  assert.equal(inspected.Digest, index.manifest.digest);
  assert.deepEqual(inspected.RepoTags, ["v1", "v2"]);
  assert.equal(raw, index.manifest.bytes.toString());
});

/** Every file of a directory by its path, as the digest of its bytes. */
async function contentOf(directory: string): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for await (const entry of glob("**/*", { cwd: directory, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    content.set(path.slice(directory.length + 1), digestOf(await readFile(path)));
  }
  return content;
}
