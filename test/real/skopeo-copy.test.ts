import assert from "node:assert/strict";
import { glob, mkdir, mkdtempDisposable, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { coldWarmAndDown, mirrorBefore } from "../support/cold-warm-down.ts";
import { ghcrCorpus, hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { haveAll } from "../support/real-program.ts";
import { copyAll, skopeo } from "../support/skopeo.ts";

test("skopeo reads through the mirror what it reads from upstream itself", async (t) => {
  if (!haveAll(t, "docker-registry", "skopeo")) return;
  await using registries = await CorpusRegistries.start();

  await t.test(
    "skopeo copies images and artifacts of every kind, and gets the same files as from upstream itself",
    async () => {
      await using mirror = await mirrorBefore(registries);
      await using home = await mkdtempDisposable(join(tmpdir(), "copies-"));
      const direct = await copied(join(home.path, "direct"), {
        hub: registries.hub.host,
        ghcr: registries.ghcr.host,
      });

      await coldWarmAndDown(registries, async () => {
        const directory = join(home.path, "mirrored");
        const hosts = { hub: mirror.host, ghcr: `${mirror.host}/ghcr.io` };
        assert.deepEqual(await copied(directory, hosts), direct);
        await rm(directory, { recursive: true });
      });
    },
  );

  await t.test("skopeo sync brings every tag of a repository, signatures too", async () => {
    await using mirror = await mirrorBefore(registries);
    await using home = await mkdtempDisposable(join(tmpdir(), "synced-"));
    const [direct, mirrored] = [join(home.path, "direct"), join(home.path, "mirrored")];
    const { repository } = ghcrCorpus.signed;

    await sync(`${registries.ghcr.host}/${repository}`, direct);
    await sync(`${mirror.host}/ghcr.io/${repository}`, mirrored);

    const files = await contentOf(direct);
    assert.equal([...files.keys()].filter((path) => path.endsWith("/manifest.json")).length, 3);
    assert.deepEqual(await contentOf(mirrored), files);
  });

  await t.test(
    "skopeo inspects an image, and sees the manifest's own bytes and every tag",
    async () => {
      await using mirror = await mirrorBefore(registries);
      const { tags, image } = hubCorpus.multi;
      const name = `docker://${mirror.host}/sluice-multi:1.0`;

      const inspected = JSON.parse(await skopeo("inspect", "--tls-verify=false", name));
      const raw = await skopeo("inspect", "--raw", "--tls-verify=false", name);

      assert.equal(inspected.Digest, image.manifest.digest);
      assert.deepEqual(inspected.RepoTags.toSorted(), tags);
      assert.equal(raw, image.manifest.bytes.toString());
    },
  );
});

/** Every file of a copy of the whole corpus, by its path, as the digest of its bytes. */
async function copied(
  directory: string,
  hosts: { readonly hub: string; readonly ghcr: string },
): Promise<Map<string, string>> {
  await mkdir(directory);
  for (const [name, image] of Object.entries(hubCorpus)) {
    await copyAll(`${hosts.hub}/${nameOf(image)}`, `dir:${join(directory, name)}`);
  }
  // Of an index of referrers skopeo 1.9 knows too little to write the same bytes again.
  const { referrers: _, ...others } = ghcrCorpus;
  for (const [name, image] of Object.entries(others)) {
    await copyAll(`${hosts.ghcr}/${nameOf(image)}`, `dir:${join(directory, name)}`);
  }
  const { repository, image } = ghcrCorpus.chart;
  const chart = `${hosts.ghcr}/${repository}@${image.manifest.digest}`;
  await copyAll(chart, `dir:${join(directory, "chart by digest")}`);
  return contentOf(directory);
}

async function sync(repository: string, directory: string): Promise<void> {
  const flags = ["--all", "--src-tls-verify=false", "--src", "docker", "--dest", "dir"];
  await skopeo("sync", ...flags, repository, directory);
}

async function contentOf(directory: string): Promise<Map<string, string>> {
  const content = new Map<string, string>();
  for await (const entry of glob("**/*", { cwd: directory, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    content.set(path.slice(directory.length + 1), digestOf(await readFile(path)));
  }
  return content;
}
