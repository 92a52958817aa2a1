import assert from "node:assert/strict";
import { mkdtempDisposable, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DockerRegistry } from "../support/docker-registry.ts";
import { HoldingRelay } from "../support/holding-relay.ts";
import { noiseBlob } from "../support/images.ts";
import { pullBlob } from "../support/pull-blob.ts";
import { pushBlob } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

test("after kill -9 in the middle of a fill the next daemon sweeps it away and serves the right bytes", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  const blob = noiseBlob("killed", 8 * 1024 * 1024);
  await using hub = await DockerRegistry.start();
  await pushBlob(hub.url, "library/app", blob);
  await using relay = await HoldingRelay.start({ port: hub.port, holdAfterBytes: 1024 * 1024 });
  await using storage = await mkdtempDisposable(join(tmpdir(), "storage-"));
  const directory = storage.path;
  await using killed = await SluiceProcess.start({ upstreams: standIns(relay), directory });
  const cut = await pullBlob(killed.url, "app", blob.digest);
  await relay.holding();
  assert.equal((await readdir(join(directory, "ingest"))).length, 1, "the fill has its file");

  killed.kill("SIGKILL");
  await killed.exit();
  await assert.rejects(cut.digest, "the client saw that its body was cut");

  await using next = await SluiceProcess.start({ upstreams: standIns(hub), directory });
  assert.deepEqual(await readdir(join(directory, "ingest")), []);
  const cold = await pullBlob(next.url, "app", blob.digest);
  assert.equal(await cold.digest, blob.digest);
  await hub.stop();
  const warm = await pullBlob(next.url, "app", blob.digest);
  assert.equal(await warm.digest, blob.digest);
});
