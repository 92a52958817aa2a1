import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Containerd } from "../support/containerd.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { Dockerd } from "../support/dockerd.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { InjuringRelay, type Injury } from "../support/injuring-relay.ts";
import { pushImage } from "../support/push.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { copyAll } from "../support/skopeo.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

const injuries: readonly Injury[] = ["503", "429", "cut", "stall", "wrong byte"];
// That upstream wants to be left alone is passed on to clients. skopeo and podman wait as long as it says; containerd asks
// again at once, and dockerd not at all.
const withoutLimit = injuries.filter((injury) => injury !== "429");
const withoutWrongByte = withoutLimit.filter((injury) => injury !== "wrong byte");

/** Pulls an image, named without its registry; rejects when that fails. */
type Pull = (image: string) => Promise<unknown>;

test("skopeo pulls although upstream's answer about a layer is injured", async (t) => {
  if (!haveAll(t, "docker-registry", "skopeo")) return;
  await using scene = await startScene();
  await using home = await mkdtempDisposable(join(tmpdir(), "copies-"));
  await each(injuries, t, scene, (image) =>
    copyAll(`${scene.mirror.host}/ghcr.io/${image}`, `dir:${home.path}/copy`),
  );
});

test("podman pulls although upstream's answer about a layer is injured", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "podman", "runc")) return;
  await using scene = await startScene();
  await using home = await ContainersHome.make({ mirrorHost: scene.mirror.host });
  await each(injuries, t, scene, (image) => home.podman("pull", "--quiet", `ghcr.io/${image}`));
});

test("containerd pulls although upstream's answer about a layer is injured", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "containerd", "ctr")) return;
  await using scene = await startScene();
  await using containerd = await Containerd.start({ mirror: scene.mirror.url });
  await each(withoutLimit, t, scene, async (image) => {
    // A pull that comes at once goes on behind the wrong byte, and fails at the end.
    await containerd.collectGarbage();
    await containerd.pull(`ghcr.io/${image}`);
  });
});

test("dockerd pulls although upstream's answer about a layer is injured", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "dockerd", "docker")) return;
  await using scene = await startScene();
  await using dockerd = await Dockerd.start();
  // After a wrong byte dockerd pulls too, but only 15 seconds later.
  await each(withoutWrongByte, t, scene, (image) =>
    dockerd.docker("pull", `${scene.mirror.host}/ghcr.io/${image}`),
  );
});

interface Scene extends AsyncDisposable {
  readonly registry: DockerRegistry;
  readonly relay: InjuringRelay;
  readonly mirror: SluiceProcess;
}

async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const registry = resources.use(await DockerRegistry.start());
  const relay = resources.use(await InjuringRelay.start({ before: registry.url }));
  const upstreams = {
    "docker.io": { endpoints: [registry.url], default: true },
    "ghcr.io": { endpoints: [relay.url], timeouts: { bodyIdle: "500ms" } },
  };
  const mirror = resources.use(await SluiceProcess.start({ upstreams }));
  const all = resources.move();
  return { registry, relay, mirror, [Symbol.asyncDispose]: () => all.disposeAsync() };
}

/** Each injury meets a layer of an image of its own, which nobody has pulled. */
async function each(
  injuries: readonly Injury[],
  t: TestContext,
  { registry, relay }: Scene,
  pull: Pull,
): Promise<void> {
  for (const injury of injuries) {
    await t.test(injury, async () => {
      const image = imageOfSize(`injured ${injury}`, 3_000_000);
      const repository = `sluice-corpus/injured-${injury.replace(" ", "-")}`;
      await pushImage(registry.url, repository, "1", image);
      relay.injure(topLayerOf(image).digest, injury);

      // What a client has of a wrong layer no mirror can take back. It is cut, and may say so.
      if (injury === "wrong byte") await pull(`${repository}:1`).catch(() => undefined);
      await pull(`${repository}:1`);

      assert.deepEqual(relay.pending, [], "the answer was injured");
    });
  }
}
