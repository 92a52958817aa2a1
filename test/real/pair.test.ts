import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parse as parseYaml } from "yaml";
import { changed, deployFile } from "../support/deploy.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { eventually } from "../support/eventually.ts";
import { runnableImage } from "../support/images.ts";
import { pushImage } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { copyAll } from "../support/skopeo.ts";
import { type Settings, SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

test("two mirrors that ask each other first fetch an image once, and each serves it alone", async (t) => {
  if (!haveAll(t, "docker-registry", "skopeo")) return;
  const image = runnableImage("of a pair");
  await using hub = await DockerRegistry.start();
  await pushImage(hub.url, "library/app", "1", image);
  await using home = await mkdtempDisposable(join(tmpdir(), "pair-"));
  await using one = await SluiceProcess.start({ upstreams: standIns(hub) });
  await using other = await SluiceProcess.start({ upstreams: await pairedWith(one, hub) });
  await writeFile(
    one.configFile,
    JSON.stringify({
      ...JSON.parse(await readFile(one.configFile, "utf8")),
      upstreams: await pairedWith(other, hub),
    }),
  );
  one.kill("SIGHUP");
  await eventually("the first knows of the second", () =>
    one.log.some(({ msg }) => msg === "configuration was read again"),
  );

  await copyAll(`${one.host}/app:1`, `dir:${home.path}/one`);
  const blobs = (await hub.blobGets()).map(({ path }) => path);
  await copyAll(`${other.host}/app:1`, `dir:${home.path}/other`);
  assert.deepEqual(blobs.toSorted(), [...new Set(blobs)].toSorted(), "each blob once");
  assert.deepEqual(
    (await hub.blobGets()).map(({ path }) => path),
    blobs,
    "and never again",
  );

  await hub.stop();
  await copyAll(`${one.host}/app:1`, `dir:${home.path}/one`);
  one.kill("SIGTERM");
  await one.exit();
  await copyAll(`${other.host}/app:1`, `dir:${home.path}/other`);
});

/** The upstreams of deploy/, with the other mirror and the registry where they are here. */
async function pairedWith(mirror: SluiceProcess, hub: DockerRegistry): Promise<Settings> {
  const text = changed(await deployFile("keepalived/mirror.config.yaml"), [
    ["http://mirror-2.internal:5000", mirror.url],
    ["https://registry-1.docker.io", hub.url],
    ["https://ghcr.io", hub.url],
  ]);
  return (parseYaml(text) as { upstreams: Settings }).upstreams;
}
