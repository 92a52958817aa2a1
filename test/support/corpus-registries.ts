import { ghcrCorpus, hubCorpus, pushCorpus } from "./corpus.ts";
import { DockerRegistry, type RegistryRequest } from "./docker-registry.ts";
import type { Settings } from "./sluice-process.ts";
import { standIns } from "./stand-ins.ts";

/** Two registries that have the corpus, and stand for Docker Hub and ghcr.io. */
export class CorpusRegistries implements AsyncDisposable {
  readonly hub: DockerRegistry;
  readonly ghcr: DockerRegistry;
  readonly #resources: AsyncDisposableStack;

  private constructor(hub: DockerRegistry, ghcr: DockerRegistry, resources: AsyncDisposableStack) {
    this.hub = hub;
    this.ghcr = ghcr;
    this.#resources = resources;
  }

  static async start(): Promise<CorpusRegistries> {
    await using resources = new AsyncDisposableStack();
    const hub = resources.use(await DockerRegistry.start());
    const ghcr = resources.use(await DockerRegistry.start());
    await pushCorpus(hub, Object.values(hubCorpus));
    await pushCorpus(ghcr, Object.values(ghcrCorpus));
    return new CorpusRegistries(hub, ghcr, resources.move());
  }

  /** The `upstreams` of a mirror before them. */
  get upstreams(): Settings {
    return standIns(this.hub, this.ghcr);
  }

  async stop(): Promise<void> {
    await Promise.all([this.hub.stop(), this.ghcr.stop()]);
  }

  async restart(): Promise<void> {
    await Promise.all([this.hub.restart(), this.ghcr.restart()]);
  }

  /** The GETs of blobs that `pull` makes of both. */
  async blobGetsOf(pull: () => Promise<unknown>): Promise<RegistryRequest[]> {
    const [hub, ghcr] = [await this.hub.blobGets(), await this.ghcr.blobGets()];
    await pull();
    return [
      ...(await this.hub.blobGets()).slice(hub.length),
      ...(await this.ghcr.blobGets()).slice(ghcr.length),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
