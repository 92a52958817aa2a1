import assert from "node:assert/strict";
import { test } from "node:test";
import { DockerRegistry } from "../support/docker-registry.ts";
import { HoldingRelay } from "../support/holding-relay.ts";
import { noiseBlob } from "../support/images.ts";
import { pullBlob } from "../support/pull-blob.ts";
import { pushBlob } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

test("twenty clients pull one cold blob, and upstream is asked for it once", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  const blob = noiseBlob("twenty clients", 64 * 1024 * 1024);
  await using hub = await DockerRegistry.start();
  await pushBlob(hub.url, "library/app", blob);
  // All twenty are there before upstream gives more than the beginning.
  await using relay = await HoldingRelay.start({ port: hub.port, holdAfterBytes: 1024 * 1024 });
  await using mirror = await SluiceProcess.start({ upstreams: standIns(relay) });

  const clients = Array.from({ length: 20 }, () => pullBlob(mirror.url, "app", blob.digest));
  const pulls = await Promise.all(clients);
  relay.release();
  const digests = await Promise.all(pulls.map((pull) => pull.digest));

  assert.deepEqual(new Set(digests), new Set([blob.digest]));
  const gets = await hub.blobGets();
  assert.deepEqual(
    gets.map(({ path, status }) => ({ path, status })),
    [{ path: `/v2/library/app/blobs/${blob.digest}`, status: 200 }],
  );
});
