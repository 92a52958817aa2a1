import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DockerRegistry } from "../support/docker-registry.ts";
import { runnableImage } from "../support/images.ts";
import { pushImage } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { skopeo } from "../support/skopeo.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

// podman, buildah and CRI-O read this file with the same library.
test("skopeo goes to the mirror that registries.conf names for ghcr.io", async (t) => {
  if (!haveAll(t, "docker-registry", "skopeo")) return;
  const image = runnableImage("from ghcr");
  await using hub = await DockerRegistry.start();
  await using ghcr = await DockerRegistry.start();
  await pushImage(ghcr.url, "owner/image", "v1", image);
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub, ghcr) });
  await using home = await mkdtempDisposable(join(tmpdir(), "registries-conf-"));
  const conf = join(home.path, "registries.conf");
  await writeFile(conf, mirrorOfGhcr(mirror.host));

  const flags = ["--registries-conf", conf, "copy", "--quiet", "--all", "--preserve-digests"];
  const layout = `oci:${join(home.path, "layout")}:v1`;
  await skopeo(...flags, "docker://ghcr.io/owner/image:v1", layout);

  assert.equal(await skopeo("inspect", "--raw", layout), image.manifest.bytes.toString());
});

// The registry itself is at the discard port, where nobody answers: only the mirror can.
function mirrorOfGhcr(mirrorHost: string): string {
  return `
[[registry]]
prefix = "ghcr.io"
location = "127.0.0.1:9"
[[registry.mirror]]
location = "${mirrorHost}/ghcr.io"
insecure = true
`;
}
