import { cp, mkdir, mkdtempDisposable, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { unmountBelow } from "./mounts.ts";
import { programPath } from "./real-program.ts";
import { mustRun, runProgram } from "./run-program.ts";
import { ServerProcess } from "./server-process.ts";

/** A mirror in a `hosts.toml`. */
export interface MirrorHost {
  /** With the path, if any. */
  readonly url: string;
  /** The path is where the API is; else `/v2` is added to it. */
  readonly overridePath?: boolean;
}

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
    await writeHosts(path, { _default: { url: options.mirror } });
    const flags = ["--config", join(path, "config.toml")];
    const engine = resources.use(new ServerProcess(programPath("containerd"), flags));
    await engine.until(async () => {
      const asked = await runProgram(programPath("ctr"), ["-a", socketIn(path), "version"]);
      return asked.code === 0;
    });
    return new Containerd(path, resources.move());
  }

  /** From now on the pulls of a registry go to its mirror here; `_default` is every registry without one. */
  async useMirrors(mirrors: Readonly<Record<string, MirrorHost>>): Promise<void> {
    await rm(join(this.#directory, "hosts"), { recursive: true });
    await writeHosts(this.#directory, mirrors);
  }

  /** From now on pulls go where the `hosts.toml` files in this directory say. */
  async useHosts(hostsDirectory: string): Promise<void> {
    const own = join(this.#directory, "hosts");
    await rm(own, { recursive: true });
    await cp(hostsDirectory, own, { recursive: true });
  }

  /** Fetches all platforms of an image, or an artifact of any kind, without unpacking it. */
  async fetch(image: string): Promise<void> {
    await this.#ctr("content", "fetch", "--all-platforms", ...this.#hosts(), image);
  }

  /** Pulls an image by its full name; the request goes to the mirror with `?ns=HOST`. */
  async pull(image: string, ...flags: string[]): Promise<void> {
    await this.#ctr("images", "pull", ...(flags.length > 0 ? flags : this.#hosts()), image);
  }

  /** Removes images and, at once, what only they used. */
  async remove(...images: string[]): Promise<void> {
    await this.#ctr("images", "rm", "--sync", ...images);
  }

  /** Removes what no image needs, and the beginnings of what pulls that failed have left. */
  async collectGarbage(): Promise<void> {
    await this.#ctr("leases", "create", "--id", "sluice");
    await this.#ctr("leases", "delete", "--sync", "sluice");
  }

  /** Runs an image that was pulled, and returns what it printed. */
  async run(image: string): Promise<string> {
    // runc keeps one list of containers for all the machine, and tests run side by side.
    const container = `sluice-${process.pid}`;
    const output = join(this.#directory, "output.log");
    // Where a container ends before ctr has opened the pipes to it, ctr opens them no more, and what was printed is lost.
    await this.#ctr("run", "--rm", "--net-host", "--log-uri", `file://${output}`, image, container);
    const printed = await readFile(output, "utf8");
    await rm(output);
    return printed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #hosts(): string[] {
    return ["--hosts-dir", join(this.#directory, "hosts")];
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

async function writeHosts(
  directory: string,
  mirrors: Readonly<Record<string, MirrorHost>>,
): Promise<void> {
  for (const [registry, { url, overridePath = false }] of Object.entries(mirrors)) {
    const folder = join(directory, "hosts", registry);
    await mkdir(folder, { recursive: true });
    const hosts = `[host."${url}"]
  capabilities = ["pull", "resolve"]
  override_path = ${overridePath}
`;
    await writeFile(join(folder, "hosts.toml"), hosts);
  }
}

function socketIn(directory: string): string {
  return join(directory, "containerd.sock");
}
