import assert from "node:assert/strict";
import { test } from "node:test";
import { manyTags, pushCorpus } from "../support/corpus.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { pagedTags } from "../support/paged-tags.ts";
import { haveAll } from "../support/real-program.ts";
import { skopeo } from "../support/skopeo.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

const { repository, tags } = manyTags;

test("skopeo lists 250 tags of a registry that gives them at once", async (t) => {
  if (!haveAll(t, "docker-registry", "skopeo")) return;
  await using hub = await DockerRegistry.start();
  await using ghcr = await DockerRegistry.start();
  await pushCorpus(ghcr, [manyTags]);
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub, ghcr) });

  assert.deepEqual(await listTags(`${mirror.host}/ghcr.io/${repository}`), tags.toSorted());
});

// docker-registry 2.8 gives no pages.
test("skopeo lists 250 tags of registries that give 100 at a time, through every page", async (t) => {
  if (!haveAll(t, "skopeo")) return;
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  for (const upstream of [hub, ghcr]) {
    upstream.override(`/v2/${repository}/tags/list`, pagedTags(repository, tags, 100));
  }
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub, ghcr) });

  assert.deepEqual(await listTags(`${mirror.host}/${repository}`), tags.toSorted());
  assert.deepEqual(await listTags(`${mirror.host}/ghcr.io/${repository}`), tags.toSorted());
  assert.equal(hub.count("GET", "/tags/list"), 3);
});

async function listTags(name: string): Promise<string[]> {
  const listed = await skopeo("list-tags", "--tls-verify=false", `docker://${name}`);
  return JSON.parse(listed).Tags.toSorted();
}
