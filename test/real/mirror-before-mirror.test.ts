import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { coldWarmAndDown, mirrorBefore } from "../support/cold-warm-down.ts";
import { ghcrCorpus, hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { eventually } from "../support/eventually.ts";
import { HoldingRelay } from "../support/holding-relay.ts";
import { noiseBlob } from "../support/images.ts";
import { pullBlob } from "../support/pull-blob.ts";
import { pushBlob } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { copyAll } from "../support/skopeo.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

test("a mirror before a mirror serves both registries cold, warm, with these stopped, and with the centre stopped", async (t) => {
  if (!haveAll(t, "docker-registry", "skopeo")) return;
  await using registries = await CorpusRegistries.start();
  await using centre = await mirrorBefore(registries);
  await using edge = await mirrorBefore({ upstreams: throughCentre(centre) });
  await using home = await mkdtempDisposable(join(tmpdir(), "copies-"));
  const { multi, list } = hubCorpus;
  const { signed, signatureArtifact } = ghcrCorpus;
  const images = [
    ...[multi, list].map((image) => `${edge.host}/${nameOf(image)}`),
    ...[signed, signatureArtifact].map((image) => `${edge.host}/ghcr.io/${nameOf(image)}`),
  ];
  const pullAll = async (): Promise<void> => {
    for (const image of images) await copyAll(image, `dir:${home.path}/copy`);
  };

  await coldWarmAndDown(registries, pullAll);
  centre.kill("SIGTERM");
  await centre.exit();
  await pullAll();
});

test("twenty clients of two mirrors before one pull one cold blob, and the registry is asked for it once", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  const blob = noiseBlob("two edges", 16 * 1024 * 1024);
  await using hub = await DockerRegistry.start();
  await pushBlob(hub.url, "library/app", blob);
  // All twenty are there before the registry gives more than the beginning.
  await using relay = await HoldingRelay.start({ port: hub.port, holdAfterBytes: 1024 * 1024 });
  await using centre = await SluiceProcess.start({ upstreams: standIns(relay) });
  await using edgeA = await SluiceProcess.start({ upstreams: throughCentre(centre) });
  await using edgeB = await SluiceProcess.start({ upstreams: throughCentre(centre) });

  const clients = Array.from({ length: 20 }, (_, at) =>
    pullBlob(at % 2 === 0 ? edgeA.url : edgeB.url, "app", blob.digest),
  );
  const pulls = await Promise.all(clients);
  // The centre passes on what it has before it has all.
  await Promise.all(pulls.map((pull) => pull.begun));
  relay.release();
  const digests = await Promise.all(pulls.map((pull) => pull.digest));

  assert.deepEqual(new Set(digests), new Set([blob.digest]));
  assert.equal((await hub.blobGets()).length, 1);
  // A line is written when its answer has ended, which is after the clients have theirs.
  const served = (): number => centre.log.filter((line) => line["digest"] === blob.digest).length;
  await eventually("the centre has answered both", () => served() >= 2);
  assert.equal(served(), 2, "each of the two asked the centre once");
});

test("a blob streams through three mirrors at once, named to one by a path and to the next by ns", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  const blob = noiseBlob("three in a row", 8 * 1024 * 1024);
  await using ghcr = await DockerRegistry.start();
  await pushBlob(ghcr.url, "owner/app", blob);
  await using relay = await HoldingRelay.start({ port: ghcr.port, holdAfterBytes: 1024 * 1024 });
  const nowhere = { url: "http://127.0.0.1:9" };
  await using first = await SluiceProcess.start({ upstreams: standIns(nowhere, relay) });
  await using second = await SluiceProcess.start({ upstreams: throughCentre(first) });
  const byNs = standIns(nowhere, { url: `${second.url}?ns=ghcr.io` });
  await using third = await SluiceProcess.start({ upstreams: byNs });

  const pull = await pullBlob(third.url, "ghcr.io/owner/app", blob.digest);
  await pull.begun;
  relay.release();

  assert.equal(await pull.digest, blob.digest);
  const [oldest, middle, own, ...others] = String(pull.headers["cache-status"]).split(", ");
  assert.deepEqual(
    [oldest, middle, own, others],
    [...Array.from({ length: 3 }, () => "sluice; fwd=miss; stored"), []],
  );
  assert.equal((await ghcr.blobGets()).length, 1);
});

// Of ghcr.io's endpoint the path names which of the centre's upstreams is meant.
function throughCentre({ url }: SluiceProcess): ReturnType<typeof standIns> {
  return standIns({ url }, { url: `${url}/ghcr.io` });
}
