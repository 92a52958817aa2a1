import assert from "node:assert/strict";
import { test } from "node:test";
import { coldWarmAndDown, mirrorBefore } from "../support/cold-warm-down.ts";
import { Containerd, type MirrorHost } from "../support/containerd.ts";
import { type CorpusImage, ghcrCorpus, hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";

interface Way {
  readonly way: string;
  readonly mirrors: (url: string) => Readonly<Record<string, MirrorHost>>;
  readonly pulls: Pulls;
}

interface Pulls {
  readonly pulled: readonly string[];
  /** What cannot be unpacked for this machine, or not at all. */
  readonly fetched: readonly string[];
}

const { multi, list } = hubCorpus;
const { zstd, serviceA, serviceB, chart, bom, cosignSignature } = ghcrCorpus;
const everything: Pulls = {
  pulled: [...Object.values(hubCorpus).map(onHub), ...[zstd, serviceA, serviceB].map(onGhcr)],
  fetched: [...[multi, list].map(onHub), ...[chart, bom, cosignSignature].map(onGhcr)],
};
const some: Pulls = { pulled: [onHub(multi), onGhcr(zstd)], fetched: [onGhcr(bom)] };

const ways: readonly Way[] = [
  { way: "by ns", mirrors: (url) => ({ _default: { url } }), pulls: everything },
  {
    way: "by a path before /v2",
    pulls: some,
    mirrors: (url) => ({
      "docker.io": { url: `${url}/docker.io` },
      "ghcr.io": { url: `${url}/ghcr.io` },
    }),
  },
  {
    way: "by a path after /v2",
    pulls: some,
    mirrors: (url) => ({
      "docker.io": { url: `${url}/v2/docker.io`, overridePath: true },
      "ghcr.io": { url: `${url}/v2/ghcr.io`, overridePath: true },
    }),
  },
];

test("containerd pulls images of two registries through one mirror, cold, warm and with both stopped", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "containerd", "ctr", "runc")) return;
  await using registries = await CorpusRegistries.start();
  await using containerd = await Containerd.start({ mirror: registries.hub.url });

  for (const { way, mirrors, pulls } of ways) {
    await t.test(way, async () => {
      await using mirror = await mirrorBefore(registries);
      await containerd.useMirrors(mirrors(mirror.url));

      await coldWarmAndDown(registries, () => pullAll(containerd, pulls));
    });
  }
});

async function pullAll(containerd: Containerd, { pulled, fetched }: Pulls): Promise<void> {
  for (const image of pulled) await containerd.pull(image);
  assert.equal(await containerd.run(onHub(multi)), `${multi.repository}\n`);
  assert.equal(await containerd.run(onGhcr(zstd)), `${zstd.repository}\n`);
  for (const image of fetched) await containerd.fetch(image);
  await containerd.remove(...new Set([...pulled, ...fetched]));
}

function onHub(image: CorpusImage): string {
  return `docker.io/${nameOf(image)}`;
}

function onGhcr(image: CorpusImage): string {
  return `ghcr.io/${nameOf(image)}`;
}
