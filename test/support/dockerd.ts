import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "./ask.ts";
import { unmountBelow } from "./mounts.ts";
import { programPath } from "./real-program.ts";
import { type Ended, mustRun, type RunOptions, runProgram } from "./run-program.ts";
import { ServerProcess } from "./server-process.ts";

export interface DockerdOptions {
  /** What `registry-mirrors` in `daemon.json` would name. */
  readonly registryMirror?: string;
  /** Its `daemon.json`. */
  readonly configFile?: string;
}

/** A Docker engine of its own, away from any other on this machine: no bridge, no iptables, its own socket. */
export class Dockerd implements AsyncDisposable {
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(directory: string, resources: AsyncDisposableStack) {
    this.#directory = directory;
    this.#resources = resources;
  }

  static async start(options: DockerdOptions = {}): Promise<Dockerd> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "dockerd-")));
    resources.defer(() => unmountBelow(path));
    const engine = resources.use(
      new ServerProcess(programPath("dockerd"), argumentsFor(path, options)),
    );
    await engine.until(async () => (await runDocker(path, ["version"])).code === 0);
    return new Dockerd(path, resources.move());
  }

  /** `docker ARGS`, which must succeed; returns what it printed. */
  async docker(...args: string[]): Promise<string> {
    return mustRun(programPath("docker"), args, clientOf(this.#directory));
  }

  /** `docker ARGS`, however it ends. */
  async try(...args: string[]): Promise<Ended> {
    return runDocker(this.#directory, args);
  }

  /** What `docker inspect` would print of a container; the API is asked itself, for states that are waited for. */
  async inspect(container: string): Promise<unknown> {
    const socketPath = socketIn(this.#directory);
    const url = `http://docker/containers/${container}/json`;
    const { status, bytes } = await ask(url, { socketPath });
    if (status !== 200) throw new Error(`${container} cannot be inspected: ${bytes}`);
    return JSON.parse(bytes.toString());
  }

  /** `docker-compose ARGS` in a directory, which must succeed; returns what it printed. */
  async compose(directory: string, ...args: string[]): Promise<string> {
    const options = { ...clientOf(this.#directory), cwd: directory };
    return mustRun(programPath("docker-compose"), args, options);
  }

  /** Builds an image with BuildKit from a Dockerfile without files beside it, and names it `tag`. */
  async build(tag: string, dockerfile: string): Promise<void> {
    const context = await mkdtempDisposable(join(this.#directory, "build-"));
    await writeFile(join(context.path, "Dockerfile"), dockerfile);
    await this.docker("build", "--quiet", "--network", "host", "--tag", tag, context.path);
    await context.remove();
  }

  /** Removes every image, and what builds have kept. */
  async forgetAll(): Promise<void> {
    const images = (await this.docker("images", "--quiet")).split("\n").filter(Boolean);
    await this.docker("rmi", "--force", ...new Set(images));
    await this.docker("builder", "prune", "--all", "--force");
  }

  /** Runs an image that is here already, and returns what it printed. */
  async run(image: string): Promise<string> {
    return this.docker("run", "--rm", "--pull", "never", "--network", "host", image);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

async function runDocker(directory: string, args: readonly string[]): Promise<Ended> {
  return runProgram(programPath("docker"), args, clientOf(directory));
}

// Its own configuration directory, so that no login of whoever runs the tests is used.
function clientOf(directory: string): RunOptions {
  const env = {
    DOCKER_HOST: `unix://${socketIn(directory)}`,
    DOCKER_CONFIG: directory,
    DOCKER_BUILDKIT: "1",
  };
  return { env: { ...process.env, ...env } };
}

function argumentsFor(directory: string, { registryMirror, configFile }: DockerdOptions): string[] {
  return [
    ...["--host", `unix://${socketIn(directory)}`, "--pidfile", join(directory, "pid")],
    ...["--data-root", join(directory, "data"), "--exec-root", join(directory, "exec")],
    ...["--bridge=none", "--iptables=false", "--ip6tables=false"],
    // Shorter than what stops this engine waits, so that no container outlives it.
    "--shutdown-timeout=10",
    ...["--ip-forward=false", "--ip-masq=false", "--userland-proxy=false"],
    // Containers may not have more than we do: raising a limit needs a capability that CI may lack.
    "--default-ulimit=nofile=1024:1024",
    ...(registryMirror ? ["--registry-mirror", registryMirror] : []),
    ...(configFile ? ["--config-file", configFile] : []),
  ];
}

function socketIn(directory: string): string {
  return join(directory, "docker.sock");
}
