import assert from "node:assert/strict";
import { test } from "node:test";
import { coldWarmAndDown, mirrorBefore } from "../support/cold-warm-down.ts";
import { hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { Dockerd } from "../support/dockerd.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

// No image on Docker Hub has these names: dockerd goes there when its mirror fails, and must find nothing.
test("dockerd pulls and builds from its mirror cold, warm, and with the upstream stopped", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "dockerd", "docker", "runc")) return;
  await using registries = await CorpusRegistries.start();
  await using mirror = await mirrorBefore(registries);
  await using dockerd = await Dockerd.start({ registryMirror: mirror.url });
  const { multi, list, schema2 } = hubCorpus;

  await coldWarmAndDown(registries, async () => {
    for (const image of [multi, schema2]) {
      await dockerd.docker("pull", nameOf(image));
      assert.equal(await dockerd.run(nameOf(image)), `${image.repository}\n`);
    }
    await dockerd.build("built", `FROM ${nameOf(list)}\nLABEL a=b\n`);
    assert.equal(await dockerd.run("built"), `${list.repository}\n`);
    await dockerd.forgetAll();
  });
});
