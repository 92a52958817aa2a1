import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unmountBelow } from "./mounts.ts";
import { programPath } from "./real-program.ts";
import { registriesConf } from "./registries-conf.ts";
import { mustRun } from "./run-program.ts";

/** Where podman and buildah keep what they have, away from any other on this machine, and a registries.conf with a mirror. */
export class ContainersHome implements AsyncDisposable {
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(directory: string, resources: AsyncDisposableStack) {
    this.#directory = directory;
    this.#resources = resources;
  }

  static async make(options: { readonly mirrorHost: string }): Promise<ContainersHome> {
    return ContainersHome.withConf(registriesConf(options.mirrorHost));
  }

  /** `conf`: the text of its registries.conf. */
  static async withConf(conf: string): Promise<ContainersHome> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "containers-")));
    resources.defer(() => unmountBelow(path));
    await writeFile(join(path, "registries.conf"), conf);
    return new ContainersHome(path, resources.move());
  }

  async podman(...args: string[]): Promise<string> {
    const flags = ["--tmpdir", join(this.#directory, "tmp"), "--runtime", programPath("runc")];
    const managed = ["--cgroup-manager", "cgroupfs", "--events-backend", "file"];
    const env = { ...process.env, CONTAINERS_REGISTRIES_CONF: this.#conf };
    const all = [...this.#storage("podman"), ...flags, ...managed, ...args];
    return mustRun(programPath("podman"), all, { env });
  }

  async buildah(...args: string[]): Promise<string> {
    const flags = [...this.#storage("buildah"), "--registries-conf", this.#conf];
    return mustRun(programPath("buildah"), [...flags, ...args]);
  }

  /** Runs an image that podman has pulled, and returns what it printed. */
  async run(image: string): Promise<string> {
    // Containers may not have more than we do: raising a limit needs a capability that CI may lack.
    const limits = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=1024:1024"];
    return this.podman("run", "--rm", "--pull", "never", "--network", "host", ...limits, image);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  get #conf(): string {
    return join(this.#directory, "registries.conf");
  }

  #storage(program: string): string[] {
    const home = join(this.#directory, program);
    const [root, state] = [join(home, "root"), join(home, "run")];
    return ["--root", root, "--runroot", state, "--storage-driver", "overlay"];
  }
}
