import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { DockerRegistry } from "../support/docker-registry.ts";
import { Dockerd } from "../support/dockerd.ts";
import { eventually } from "../support/eventually.ts";
import { freePort } from "../support/free-port.ts";
import { runnableImage } from "../support/images.ts";
import { pushImage } from "../support/push.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";
import { standIns } from "../support/stand-ins.ts";
import { makeStandInBase, trustStore } from "./stand-in-base.ts";

const checkout: string = fileURLToPath(new URL("../..", import.meta.url));

test("the image runs as nobody special on a read-only disk, turns healthy, and images are pulled through it", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "dockerd", "docker", "runc", "busybox"))
    return;
  await using hub = await DockerRegistry.start();
  await pushImage(hub.url, "library/sluice-hello", "1", runnableImage("through the image"));
  await using dockerd = await Dockerd.start();
  await buildImage(dockerd);
  await using home = await mkdtempDisposable(join(tmpdir(), "image-config-"));
  const configFile = join(home.path, "mirror.config.yaml");
  const host = `127.0.0.1:${await freePort()}`;
  await writeFile(configFile, await settingsFor(host, hub));

  const checked = await dockerd.try(
    "run",
    "--rm",
    "--network",
    "none",
    "sluice",
    "config",
    "check",
  );
  assert.equal(checked.code, 0, `the configuration in the image is right: ${checked.stderr}`);

  await startMirror(dockerd, configFile);
  await healthy(dockerd);
  assert.equal(await dockerd.docker("exec", "mirror", "id", "-u"), "10001\n");
  const image = `${host}/sluice-hello:1`;
  await dockerd.docker("pull", image);
  assert.equal(await dockerd.run(image), "through the image\n");

  await dockerd.docker("rmi", image);
  await hub.stop();
  await dockerd.docker("pull", image);

  await dockerd.docker("stop", "mirror");
  const ended = await dockerd.docker("inspect", "--format", "{{.State.ExitCode}}", "mirror");
  assert.equal(ended, "0\n", await dockerd.docker("logs", "mirror"));
});

async function buildImage(dockerd: Dockerd): Promise<void> {
  await using root = await mkdtempDisposable(join(tmpdir(), "stand-in-base-"));
  await makeStandInBase(join(root.path, "root"));
  const archive = join(root.path, "root.tar");
  await mustRun("tar", ["-C", join(root.path, "root"), "--numeric-owner", "-cf", archive, "."]);
  const trust = `ENV NODE_EXTRA_CA_CERTS=${trustStore}`;
  await dockerd.docker("import", "--change", trust, archive, "node:stand-in-slim");
  const base = ["--build-arg", "NODE_VERSION=stand-in"];
  await dockerd.docker("build", "--network", "host", ...base, "--tag", "sluice", checkout);
}

async function startMirror(dockerd: Dockerd, configFile: string): Promise<void> {
  await dockerd.docker(
    ...["run", "--detach", "--name", "mirror", "--network", "host", "--health-interval", "1s"],
    ...["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ...["--volume", `${configFile}:/etc/sluice/mirror.config.yaml:ro`, "sluice"],
  );
}

async function healthy(dockerd: Dockerd): Promise<void> {
  const format = "{{.State.Status}} {{.State.Health.Status}}";
  await eventually("the mirror's container is healthy", async () => {
    const state = (await dockerd.docker("inspect", "--format", format, "mirror")).trim();
    if (state.startsWith("exited")) throw new Error((await dockerd.try("logs", "mirror")).stderr);
    return state === "running healthy";
  });
}

async function settingsFor(host: string, hub: DockerRegistry): Promise<string> {
  return JSON.stringify({
    server: { listen: host },
    admin: { listen: `127.0.0.1:${await freePort()}` },
    storage: { directory: `\${SLUICE_DIRECTORY}` },
    upstreams: standIns(hub),
  });
}
