import assert from "node:assert/strict";
import { test } from "node:test";
import { DockerRegistry } from "../support/docker-registry.ts";
import { Dockerd } from "../support/dockerd.ts";
import { runnableImage } from "../support/images.ts";
import { pushImage } from "../support/push.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

// No image on Docker Hub has this name: dockerd goes there when its mirror fails, and must find nothing.
const image = "sluice-hello:1";

test("dockerd pulls from its mirror cold, warm, and with the upstream stopped; the image runs", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "dockerd", "docker", "runc")) return;
  await using hub = await DockerRegistry.start();
  await pushImage(hub.url, "library/sluice-hello", "1", runnableImage("hello from the hub"));
  // Every pull asks upstream about the tag, so that the last one meets its absence.
  const settings = { freshness: { ttl: "0s" } };
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub), settings });
  await using dockerd = await Dockerd.start({ registryMirror: mirror.url });
  const pushed = (await hub.blobGets()).length;

  await dockerd.docker("pull", image);
  assert.equal(await dockerd.run(image), "hello from the hub\n");
  const cold = (await hub.blobGets()).length;
  assert.equal(cold - pushed, 2, "the config and the layer of one platform, once each");

  await dockerd.docker("rmi", image);
  await dockerd.docker("pull", image);
  assert.equal(await dockerd.run(image), "hello from the hub\n");
  assert.equal((await hub.blobGets()).length, cold, "the warm pull asked upstream for no blob");

  await dockerd.docker("rmi", image);
  await hub.stop();
  await dockerd.docker("pull", image);
  assert.equal(await dockerd.run(image), "hello from the hub\n");
});
