import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { changed, deployFile } from "../support/deploy.ts";
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

test("the container image, alone and by Compose, as nobody special on a read-only disk", async (t) => {
  const programs = ["docker-registry", "dockerd", "docker", "docker-compose", "runc"] as const;
  if (!haveRoot(t) || !haveAll(t, ...programs, "busybox")) return;
  await using hub = await DockerRegistry.start();
  await pushImage(hub.url, "library/sluice-hello", "1", runnableImage("through the image"));
  await using dockerd = await Dockerd.start();
  await buildImage(dockerd);

  await t.test("turns healthy, and images are pulled through it", async () => {
    await using home = await mkdtempDisposable(join(tmpdir(), "image-config-"));
    const configFile = join(home.path, "mirror.config.yaml");
    const host = `127.0.0.1:${await freePort()}`;
    await writeFile(configFile, await settingsFor(host, hub));

    const alone = ["run", "--rm", "--network", "none", "sluice"];
    const checked = await dockerd.try(...alone, "config", "check");
    assert.equal(checked.code, 0, `the configuration in the image is right: ${checked.stderr}`);

    await startMirror(dockerd, configFile);
    await pullsThrough(dockerd, "mirror", host);
    const compiled = await dockerd.docker(
      ...["exec", "mirror", "find", "/opt/sluice/cache", "-path", "*-10001/*"],
    );
    assert.ok(compiled.split("\n").length > 400, "what Node makes of the sources is in the image");

    const image = `${host}/sluice-hello:1`;
    await dockerd.docker("rmi", image);
    await hub.stop();
    await dockerd.docker("pull", image);
    await hub.restart();

    await dockerd.docker("stop", "mirror");
    const ended = await dockerd.docker("inspect", "--format", "{{.State.ExitCode}}", "mirror");
    assert.equal(ended, "0\n", await dockerd.docker("logs", "mirror"));
  });

  await t.test(
    "is brought up by Compose with a secret, and keeps its content in a volume",
    async () => {
      await using project = await mkdtempDisposable(join(tmpdir(), "compose-"));
      const host = `127.0.0.1:${await freePort()}`;
      await makeProject(project.path, host, hub);

      await dockerd.compose(project.path, "up", "--detach", "--no-build");
      const container = await onlyContainer(dockerd);
      await pullsThrough(dockerd, container, host);

      const running = await inspected(dockerd, container);
      assert.equal(running.HostConfig.ReadonlyRootfs, true);
      assert.deepEqual(running.HostConfig.CapDrop, ["ALL"]);
      assert.deepEqual(running.HostConfig.SecurityOpt, ["no-new-privileges:true"]);
      assert.equal(running.HostConfig.Memory, 2 ** 31);
      assert.equal(await dockerd.docker("exec", container, "cat", "/run/secrets/hub"), "secret");

      await dockerd.compose(project.path, "down");
      await hub.stop();
      await dockerd.docker("rmi", `${host}/sluice-hello:1`);
      await dockerd.compose(project.path, "up", "--detach", "--no-build");
      await pullsThrough(dockerd, await onlyContainer(dockerd), host);
      await dockerd.compose(project.path, "down", "--volumes");
    },
  );
});

async function pullsThrough(dockerd: Dockerd, container: string, host: string): Promise<void> {
  await healthy(dockerd, container);
  assert.equal(await dockerd.docker("exec", container, "id", "-u"), "10001\n");
  await dockerd.docker("pull", `${host}/sluice-hello:1`);
  assert.equal(await dockerd.run(`${host}/sluice-hello:1`), "through the image\n");
}

/** What deploy/compose has, with what differs here: no network but this machine's, no limit that may not be raised. */
async function makeProject(directory: string, host: string, hub: DockerRegistry): Promise<void> {
  const compose = changed(await deployFile("compose/compose.yaml"), [
    ["    build:\n      context: ../..\n", ""],
    ["image: sluice:0.1.0", "image: sluice"],
    ['    ports:\n      - "5000:5000"\n', "    network_mode: host\n"],
    ["nofile: 65536", "nofile: 1024"],
    ["interval: 10s", "interval: 2s"],
  ]);
  const config = changed(await deployFile("compose/mirror.config.yaml"), [
    ["storage:\n", `server: { listen: "${host}" }\nadmin: { listen: "127.0.0.1:0" }\nstorage:\n`],
    ["https://registry-1.docker.io", hub.url],
  ]);
  await mkdir(join(directory, "secrets"));
  await writeFile(join(directory, "secrets/hub"), "secret");
  await writeFile(join(directory, "compose.yaml"), compose);
  await writeFile(join(directory, "mirror.config.yaml"), config);
}

/** Asked of the engine: docker-compose takes half a second of a core for it. */
async function onlyContainer(dockerd: Dockerd): Promise<string> {
  const [container = "", ...others] = (await dockerd.docker("ps", "--quiet")).trim().split("\n");
  assert.deepEqual(others, []);
  return container;
}

interface Inspected {
  readonly State: { readonly Status: string; readonly Health?: { readonly Status: string } };
  readonly HostConfig: {
    readonly ReadonlyRootfs: boolean;
    readonly CapDrop: readonly string[];
    readonly SecurityOpt: readonly string[];
    readonly Memory: number;
  };
}

async function inspected(dockerd: Dockerd, container: string): Promise<Inspected> {
  return (await dockerd.inspect(container)) as Inspected;
}

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
    ...["run", "--detach", "--name", "mirror", "--network", "host", "--health-interval", "2s"],
    ...["--read-only", "--cap-drop", "ALL", "--security-opt", "no-new-privileges"],
    ...["--volume", `${configFile}:/etc/sluice/mirror.config.yaml:ro`, "sluice"],
  );
}

async function healthy(dockerd: Dockerd, container: string): Promise<void> {
  await eventually("the mirror's container is healthy", async () => {
    const { Status, Health } = (await inspected(dockerd, container)).State;
    if (Status === "exited") throw new Error((await dockerd.try("logs", container)).stderr);
    return Status === "running" && Health?.Status === "healthy";
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
