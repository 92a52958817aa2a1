import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { eventually } from "../support/eventually.ts";
import { HoldingRelay } from "../support/holding-relay.ts";
import { noiseBlob } from "../support/images.ts";
import { pullBlob } from "../support/pull-blob.ts";
import { pushBlob } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

const blob = noiseBlob("shutdown", 8 * 1024 * 1024);

test("SIGTERM lets a running pull end, and then the daemon exits with 0", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  await using hub = await DockerRegistry.start();
  await using relay = await holdingBefore(hub);
  await using mirror = await SluiceProcess.start({ upstreams: standIns(relay) });
  const pull = await pullBlob(mirror.url, "app", blob.digest);
  await relay.holding();

  mirror.kill("SIGTERM");
  await draining(mirror);
  relay.release();

  assert.equal(await pull.digest, blob.digest);
  assert.deepEqual(await mirror.exit(), { code: 0, signal: null });
});

test("a second SIGTERM cuts a running pull, which the client sees, and the daemon ends", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  await using hub = await DockerRegistry.start();
  await using relay = await holdingBefore(hub);
  await using mirror = await SluiceProcess.start({ upstreams: standIns(relay) });
  const pull = await pullBlob(mirror.url, "app", blob.digest);
  await relay.holding();

  mirror.kill("SIGTERM");
  await draining(mirror);
  mirror.kill("SIGTERM");

  await mirror.exit();
  await assert.rejects(pull.digest);
});

test("an idle daemon ends at SIGTERM with 0; all it wrote is JSON lines on its standard output", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  await using hub = await DockerRegistry.start();
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub) });

  mirror.kill("SIGTERM");

  assert.deepEqual(await mirror.exit(), { code: 0, signal: null });
  assert.equal(mirror.stderr, "");
  assert.ok(mirror.log.length > 0);
  assert.ok(mirror.log.every(({ level, time, msg }) => level && time && msg));
});

async function holdingBefore(hub: DockerRegistry): Promise<HoldingRelay> {
  await pushBlob(hub.url, "library/app", blob);
  return HoldingRelay.start({ port: hub.port, holdAfterBytes: 1024 * 1024 });
}

// Two signals sent at once arrive as one: the second must wait until the first shows.
async function draining(mirror: SluiceProcess): Promise<void> {
  await eventually("the daemon takes no more requests", async () => {
    const answer = await ask(`${mirror.url}/readyz`).catch(() => null);
    return answer?.status !== 200;
  });
}
