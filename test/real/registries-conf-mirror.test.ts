import assert from "node:assert/strict";
import { mkdtempDisposable, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { coldWarmAndDown, mirrorBefore } from "../support/cold-warm-down.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { type CorpusImage, ghcrCorpus, hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { registriesConf } from "../support/registries-conf.ts";
import { skopeo } from "../support/skopeo.ts";

const { multi, list, schema2 } = hubCorpus;
const { signed, zstd, serviceA, serviceB, serviceC } = ghcrCorpus;
const images = [
  ...[multi, list, schema2].map(onHub),
  ...[signed, zstd, serviceA, serviceB, serviceC].map(onGhcr),
];
const byDigest = `ghcr.io/${serviceA.repository}@${serviceA.image.manifest.digest}`;

test("clients pull from the mirror that registries.conf names, cold, warm and with upstreams stopped", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  await using registries = await CorpusRegistries.start();

  await t.test(
    "podman pulls two registries' images from the mirror that registries.conf names",
    async (t) => {
      if (!haveRoot(t) || !haveAll(t, "podman", "runc")) return;
      await using mirror = await mirrorBefore(registries);
      await using home = await ContainersHome.make({ mirrorHost: mirror.host });

      await coldWarmAndDown(registries, async () => {
        await home.podman("pull", "--quiet", ...images, byDigest);
        assert.equal(await home.run(onHub(multi)), `${multi.repository}\n`);
        assert.equal(await home.run(onGhcr(zstd)), `${zstd.repository}\n`);
        await home.podman("rmi", "--all", "--force");
      });
    },
  );

  await t.test(
    "buildah takes base images from the mirror that registries.conf names",
    async (t) => {
      if (!haveRoot(t) || !haveAll(t, "buildah")) return;
      await using mirror = await mirrorBefore(registries);
      await using home = await ContainersHome.make({ mirrorHost: mirror.host });

      await coldWarmAndDown(registries, async () => {
        for (const image of [multi, list].map(onHub)) await home.buildah("pull", "--quiet", image);
        await home.buildah("from", onGhcr(zstd));
        await home.buildah("from", byDigest);
        await home.buildah("rm", "--all");
        await home.buildah("rmi", "--all", "--force");
      });
    },
  );

  await t.test("skopeo copies from the mirror that registries.conf names", async (t) => {
    if (!haveAll(t, "skopeo")) return;
    await using mirror = await mirrorBefore(registries);
    await using home = await mkdtempDisposable(join(tmpdir(), "registries-conf-"));
    const conf = join(home.path, "registries.conf");
    await writeFile(conf, registriesConf(mirror.host));
    const layout = join(home.path, "layout");
    const flags = ["--registries-conf", conf, "copy", "--quiet", "--all", "--preserve-digests"];

    await coldWarmAndDown(registries, async () => {
      await skopeo(...flags, `docker://${onGhcr(signed)}`, `oci:${layout}:v1`);
      const raw = await skopeo("inspect", "--raw", `oci:${layout}:v1`);
      assert.equal(raw, signed.image.manifest.bytes.toString());
      await rm(layout, { recursive: true });
    });
  });
});

function onHub(image: CorpusImage): string {
  return `docker.io/${nameOf(image)}`;
}

function onGhcr(image: CorpusImage): string {
  return `ghcr.io/${nameOf(image)}`;
}
