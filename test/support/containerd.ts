import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unmountBelow } from "./mounts.ts";
import { programPath } from "./real-program.ts";
import { mustRun, runProgram } from "./run-program.ts";
import { ServerProcess } from "./server-process.ts";

/** A containerd of its own whose `hosts.toml` sends every registry's pulls to one mirror. */
export class Containerd implements AsyncDisposable {
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(directory: string, resources: AsyncDisposableStack) {
    this.#directory = directory;
    this.#resources = resources;
  }

  static async start(options: { readonly mirror: string }): Promise<Containerd> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "containerd-")));
    resources.defer(() => unmountBelow(path));
    await writeFile(join(path, "config.toml"), configOf(path));
    await writeHosts(path, options.mirror);
    const flags = ["--config", join(path, "config.toml")];
    const engine = resources.use(new ServerProcess(programPath("containerd"), flags));
    await engine.until(async () => {
      const asked = await runProgram(programPath("ctr"), ["-a", socketIn(path), "version"]);
      return asked.code === 0;
    });
    return new Containerd(path, resources.move());
  }

  /** Pulls an image by its full name; the request goes to the mirror with `?ns=HOST`. */
  async pull(image: string): Promise<void> {
    await this.#ctr("images", "pull", "--hosts-dir", join(this.#directory, "hosts"), image);
  }

  /** Removes an image and, at once, what only it used. */
  async remove(image: string): Promise<void> {
    await this.#ctr("images", "rm", "--sync", image);
  }

  /** Runs an image that was pulled, and returns what it printed. */
  async run(image: string): Promise<string> {
    return this.#ctr("run", "--rm", "--net-host", image, "test-container");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  async #ctr(...args: string[]): Promise<string> {
    return mustRun(programPath("ctr"), ["-a", socketIn(this.#directory), ...args]);
  }
}

function configOf(directory: string): string {
  return `
version = 2
root = "${directory}/root"
state = "${directory}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${socketIn(directory)}"
`;
}

// The folder "_default" stands for every registry that has none of its own.
async function writeHosts(directory: string, mirror: string): Promise<void> {
  const folder = join(directory, "hosts", "_default");
  await mkdir(folder, { recursive: true });
  const hosts = `[host."${mirror}"]\n  capabilities = ["pull", "resolve"]\n`;
  await writeFile(join(folder, "hosts.toml"), hosts);
}

function socketIn(directory: string): string {
  return join(directory, "containerd.sock");
}
