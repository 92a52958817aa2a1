import assert from "node:assert/strict";
import { test } from "node:test";
import { Containerd } from "../support/containerd.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { runnableImage } from "../support/images.ts";
import { pushImage } from "../support/push.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

test("containerd pulls images of two registries through one mirror, by ns, cold and with both stopped", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "containerd", "ctr", "runc")) return;
  await using hub = await DockerRegistry.start();
  await using ghcr = await DockerRegistry.start();
  await pushImage(hub.url, "library/sluice-hello", "1", runnableImage("from the hub"));
  await pushImage(ghcr.url, "owner/sluice-hello", "1", runnableImage("from ghcr"));
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub, ghcr) });
  await using containerd = await Containerd.start({ mirror: mirror.url });
  const images = ["docker.io/library/sluice-hello:1", "ghcr.io/owner/sluice-hello:1"];

  const cold = await pullAndRun(containerd, images);
  for (const image of images) await containerd.remove(image);
  await hub.stop();
  await ghcr.stop();
  const stopped = await pullAndRun(containerd, images);

  assert.deepEqual(cold, ["from the hub\n", "from ghcr\n"]);
  assert.deepEqual(stopped, cold);
});

async function pullAndRun(containerd: Containerd, images: readonly string[]): Promise<string[]> {
  const printed: string[] = [];
  for (const image of images) {
    await containerd.pull(image);
    printed.push(await containerd.run(image));
  }
  return printed;
}
