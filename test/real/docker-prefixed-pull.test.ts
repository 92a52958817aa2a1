import assert from "node:assert/strict";
import { test } from "node:test";
import { coldWarmAndDown, mirrorBefore } from "../support/cold-warm-down.ts";
import { ghcrCorpus, hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { Dockerd } from "../support/dockerd.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

const { multi } = hubCorpus;
const { signed, serviceA, serviceB, serviceC } = ghcrCorpus;

test("docker pulls, builds and pushes by names with the mirror before them", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "dockerd", "docker", "runc")) return;
  await using registries = await CorpusRegistries.start();
  await using mirror = await mirrorBefore(registries);
  await using dockerd = await Dockerd.start();
  const hub = mirror.host;
  const ghcr = `${mirror.host}/ghcr.io`;

  await t.test("cold, warm, and with both registries stopped", async () => {
    const pulled = [`${hub}/sluice-multi:1.0`, ...[serviceA, serviceB, serviceC].map(onGhcr)];

    await coldWarmAndDown(registries, async () => {
      for (const image of pulled) await dockerd.docker("pull", image);
      assert.equal(await dockerd.run(`${hub}/sluice-multi:1.0`), `${multi.repository}\n`);
      await dockerd.build("built", `FROM ${onGhcr(signed)}\nLABEL a=b\n`);
      assert.equal(await dockerd.run("built"), `${signed.repository}\n`);
      await dockerd.forgetAll();
    });
  });

  await t.test("an image that no upstream has is not there", async () => {
    const unknown = await dockerd.try("pull", `${hub}/sluice-nothing:1`);
    const unconfigured = await dockerd.try("pull", `${hub}/quay.io/owner/image:1`);

    assert.equal(unknown.code, 1);
    assert.match(unknown.stderr, /manifest unknown|not found/);
    assert.equal(unconfigured.code, 1);
    assert.match(unconfigured.stderr, /not found|unknown/);
  });

  await t.test("a push is refused with a sentence that says where to push", async () => {
    await dockerd.docker("pull", `${hub}/sluice-multi:1.0`);
    await dockerd.docker("tag", `${hub}/sluice-multi:1.0`, `${hub}/mine:1`);

    const pushed = await dockerd.try("push", `${hub}/mine:1`);

    assert.equal(pushed.code, 1);
    assert.match(pushed.stderr, /mirror/);
  });

  function onGhcr(image: (typeof ghcrCorpus)["signed"]): string {
    return `${ghcr}/${nameOf(image)}`;
  }
});
