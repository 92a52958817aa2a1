import assert from "node:assert/strict";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { ask } from "../support/ask.ts";
import { Containerd } from "../support/containerd.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { type CorpusImage, ghcrCorpus, hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { Dockerd } from "../support/dockerd.ts";
import { eventually } from "../support/eventually.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { runSluice, SluiceProcess } from "../support/sluice-process.ts";

const { multi, list } = hubCorpus;
const { zstd, serviceA } = ghcrCorpus;

test("clients pull through the mirror with what client-config writes", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "runc")) return;
  await using registries = await CorpusRegistries.start();

  await t.test(
    "dockerd pulls and builds through the mirror with the daemon.json that client-config writes",
    async (t) => {
      if (!haveAll(t, "dockerd", "docker")) return;
      await using lab = await Lab.start(registries);
      const root = await lab.written("docker");
      await using dockerd = await Dockerd.start({
        configFile: join(root, "etc/docker/daemon.json"),
      });

      await dockerd.docker("pull", nameOf(multi));
      assert.equal(await dockerd.run(nameOf(multi)), `${multi.repository}\n`);
      await dockerd.build("built", `FROM ${nameOf(list)}\nLABEL a=b\n`);
      assert.equal(await dockerd.run("built"), `${list.repository}\n`);

      await lab.pulledFrom(["docker.io"]);
    },
  );

  await t.test(
    "containerd pulls through the mirror with the hosts.toml files that client-config writes",
    async (t) => {
      if (!haveAll(t, "containerd", "ctr")) return;
      await using lab = await Lab.start(registries);
      await using containerd = await Containerd.start({ mirror: lab.registries.hub.url });
      const images = [
        `docker.io/${nameOf(multi)}`,
        `ghcr.io/${nameOf(zstd)}`,
        lab.onPort(serviceA),
      ];

      for (const flags of [[], ["--any-registry"]]) {
        const root = await lab.written("containerd", ...flags);
        await containerd.useHosts(join(root, "etc/containerd/certs.d"));
        const before = await lab.pullCount();
        for (const image of images) await containerd.pull(image);
        assert.ok((await lab.pullCount()) > before, "the mirror was asked");
        assert.equal(await containerd.run(`ghcr.io/${nameOf(zstd)}`), `${zstd.repository}\n`);
        await containerd.remove(...images);
        await containerd.collectGarbage();
      }

      await lab.pulledFrom(["docker.io", "ghcr.io", lab.registries.ghcr.host]);
    },
  );

  await t.test(
    "podman pulls through the mirror with the registries.conf that client-config writes",
    async (t) => {
      if (!haveAll(t, "podman")) return;
      await using lab = await Lab.start(registries);
      const root = await lab.written("podman");
      const conf = join(root, "etc/containers/registries.conf.d/sluice.conf");
      await using home = await ContainersHome.withConf(await readFile(conf, "utf8"));
      const images = [
        `docker.io/${nameOf(multi)}`,
        `ghcr.io/${nameOf(zstd)}`,
        lab.onPort(serviceA),
      ];

      await home.podman("pull", "--quiet", ...images);
      assert.equal(await home.run(`ghcr.io/${nameOf(zstd)}`), `${zstd.repository}\n`);

      await lab.pulledFrom(["docker.io", "ghcr.io", lab.registries.ghcr.host]);
    },
  );
});

/** A mirror before two registries, one of which is known by its own address too, and a directory for clients' files. */
class Lab implements AsyncDisposable {
  readonly registries: CorpusRegistries;
  readonly #mirror: SluiceProcess;
  readonly #home: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    registries: CorpusRegistries,
    mirror: SluiceProcess,
    home: string,
    resources: AsyncDisposableStack,
  ) {
    this.registries = registries;
    this.#mirror = mirror;
    this.#home = home;
    this.#resources = resources;
  }

  static async start(registries: CorpusRegistries): Promise<Lab> {
    await using resources = new AsyncDisposableStack();
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "client-config-")));
    const { host, url } = registries.ghcr;
    const byAddress = { [host]: { endpoints: [url], aliases: ["ghcr.test"] } };
    const upstreams = { ...registries.upstreams, ...byAddress };
    const mirror = resources.use(await SluiceProcess.start({ upstreams }));
    return new Lab(registries, mirror, home.path, resources.move());
  }

  /** Has client-config write its files, and returns the directory that stands for the client's root. */
  async written(client: string, ...flags: readonly string[]): Promise<string> {
    const root = join(this.#home, client, ...flags);
    const config = ["--config", this.#mirror.configFile, "--write", root];
    const { code, stderr } = await runSluice(["client-config", client, ...flags, ...config]);
    assert.equal(code, 0, stderr);
    return root;
  }

  onPort(image: CorpusImage): string {
    return `${this.registries.ghcr.host}/${nameOf(image)}`;
  }

  /** Resolves when these upstreams and no others were pulled from: lines are written some time after answers. */
  async pulledFrom(upstreams: readonly string[]): Promise<void> {
    await eventually(`pulls from ${upstreams.join(", ")}, and no other`, () => {
      const names = new Set(this.#pulls().map((line) => String(line["upstream"])));
      return isDeepStrictEqual(names, new Set(upstreams));
    });
  }

  /** Requests for manifests and blobs until now, as metrics count them: without delay. */
  async pullCount(): Promise<number> {
    const { bytes } = await ask(`${this.#mirror.adminUrl}/metrics`);
    const counts = bytes
      .toString()
      .matchAll(/^sluice_requests_total\{.*kind="(?:manifest|blob)".*\} (\d+)$/gm);
    return counts.reduce((sum, [, count]) => sum + Number(count), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #pulls(): Readonly<Record<string, unknown>>[] {
    return this.#mirror.log.filter(
      ({ msg, method, upstream }) => msg === "request served" && method === "GET" && upstream,
    );
  }
}
