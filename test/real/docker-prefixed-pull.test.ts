import assert from "node:assert/strict";
import { test } from "node:test";
import { DockerRegistry } from "../support/docker-registry.ts";
import { Dockerd } from "../support/dockerd.ts";
import { runnableDockerImage, runnableImage } from "../support/images.ts";
import { pushImage } from "../support/push.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

test("docker pulls MIRROR/image from Docker Hub's library and MIRROR/ghcr.io/owner/image from ghcr.io", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "dockerd", "docker", "runc")) return;
  await using hub = await DockerRegistry.start();
  await using ghcr = await DockerRegistry.start();
  await pushImage(hub.url, "library/sluice-hello", "latest", runnableImage("from the hub"));
  await pushImage(ghcr.url, "owner/image", "v1", runnableDockerImage("from ghcr"));
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub, ghcr) });
  await using dockerd = await Dockerd.start();

  await dockerd.docker("pull", `${mirror.host}/sluice-hello`);
  await dockerd.docker("pull", `${mirror.host}/ghcr.io/owner/image:v1`);

  assert.equal(await dockerd.run(`${mirror.host}/sluice-hello`), "from the hub\n");
  assert.equal(await dockerd.run(`${mirror.host}/ghcr.io/owner/image:v1`), "from ghcr\n");
});

test("docker says that an image is not there when no upstream has it", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "dockerd", "docker")) return;
  await using hub = await DockerRegistry.start();
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub) });
  await using dockerd = await Dockerd.start();

  const unknown = await dockerd.try("pull", `${mirror.host}/sluice-nothing:1`);
  const unconfigured = await dockerd.try("pull", `${mirror.host}/quay.io/owner/image:1`);

  assert.equal(unknown.code, 1);
  assert.match(unknown.stderr, /manifest unknown|not found/);
  assert.equal(unconfigured.code, 1);
  assert.match(unconfigured.stderr, /not found|unknown/);
});

test("docker push to the mirror is refused with a sentence that says where to push", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "dockerd", "docker")) return;
  await using hub = await DockerRegistry.start();
  await pushImage(hub.url, "library/sluice-hello", "1", runnableImage("from the hub"));
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub) });
  await using dockerd = await Dockerd.start();
  await dockerd.docker("pull", `${mirror.host}/sluice-hello:1`);
  await dockerd.docker("tag", `${mirror.host}/sluice-hello:1`, `${mirror.host}/mine:1`);

  const pushed = await dockerd.try("push", `${mirror.host}/mine:1`);

  assert.equal(pushed.code, 1);
  assert.match(pushed.stderr, /mirror/);
});
