import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ask } from "./ask.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { programPath } from "./real-program.ts";
import { ServerProcess } from "./server-process.ts";

export interface RegistryRequest {
  readonly method: string;
  /** The request target, with its query. */
  readonly path: string;
  readonly status: number;
}

export interface DockerRegistryOptions {
  /** Where content is kept, so that it outlives this registry; a temporary directory where nothing is said. */
  readonly directory?: string;
  /** Makes it a pull-through cache of this URL. */
  readonly proxyFor?: string;
  /** Who is let in, as its configuration says it under `auth`; without it everybody is. */
  readonly auth?: Readonly<Record<string, unknown>>;
}

/** Debian's docker-registry on a loopback port: what the world runs as a registry, with its access log counted. */
export class DockerRegistry {
  readonly port: number;
  readonly #configFile: string;
  readonly #resources: AsyncDisposableStack;
  #process: ServerProcess | null = null;
  #log = "";
  #markers = 0;

  private constructor(port: number, configFile: string, resources: AsyncDisposableStack) {
    this.port = port;
    this.#configFile = configFile;
    this.#resources = resources;
  }

  static async start(options: DockerRegistryOptions = {}): Promise<DockerRegistry> {
    return DockerRegistry.#launch(options).catch(() => DockerRegistry.#launch(options));
  }

  static async #launch(options: DockerRegistryOptions): Promise<DockerRegistry> {
    await using resources = new AsyncDisposableStack();
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "docker-registry-")));
    const port = await freePort();
    const configFile = join(home.path, "config.json");
    const directory = options.directory ?? join(home.path, "content");
    await mkdir(directory, { recursive: true });
    await writeFile(configFile, configOf(port, directory, options));
    const registry = new DockerRegistry(port, configFile, resources.move());
    await registry.restart();
    return registry;
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Ends the process; the content and the port stay for `restart`. */
  async stop(): Promise<void> {
    await this.#process?.stop();
    this.#log += this.#process?.stdout ?? "";
    this.#process = null;
  }

  async restart(): Promise<void> {
    const registry = new ServerProcess(programPath("docker-registry"), ["serve", this.#configFile]);
    this.#process = registry;
    await registry.until(() => this.#answers());
  }

  /** Every request answered so far, across restarts, in the order in which the answers ended. */
  async requests(): Promise<RegistryRequest[]> {
    if (this.#process) await this.#logWritten(this.#process);
    const lines = `${this.#log}${this.#process?.stdout ?? ""}`.split("\n");
    return lines.flatMap(parseLine).filter(({ path }) => !isOurs(path));
  }

  /** The GETs of blobs among them. */
  async blobGets(): Promise<RegistryRequest[]> {
    const requests = await this.requests();
    return requests.filter(({ method, path }) => method === "GET" && path.includes("/blobs/"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#resources.disposeAsync();
  }

  // A line is written when its answer has ended, shortly after the client saw it. What the client saw before
  // this request stands in the log once this request does.
  async #logWritten(registry: ServerProcess): Promise<void> {
    this.#markers += 1;
    const path = `/v2/?${markerName}=${this.#markers}`;
    await ask(`${this.url}${path}`);
    await eventually("the registry's access log", () => registry.stdout.includes(`${path} `));
  }

  async #answers(): Promise<boolean> {
    const answer = await ask(`${this.url}/v2/?${markerName}=ready`).catch(() => null);
    return answer?.status === 200 || answer?.status === 401;
  }
}

const markerName = "test-support";

function isOurs(path: string): boolean {
  return path.includes(markerName);
}

// JSON is YAML, and needs no quoting of its own.
function configOf(
  port: number,
  directory: string,
  { proxyFor, auth }: DockerRegistryOptions,
): string {
  return JSON.stringify({
    version: "0.1",
    log: { level: "warn", accesslog: { disabled: false } },
    storage: { filesystem: { rootdirectory: directory }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}`, secret: "test" },
    ...(proxyFor ? { proxy: { remoteurl: proxyFor } } : {}),
    ...(auth ? { auth } : {}),
  });
}

// The combined log format: 127.0.0.1 - - [time] "GET /v2/ HTTP/1.1" 200 2 "" "user agent"
const combined = /^\S+ \S+ \S+ \[[^\]]*\] "(\S+) (\S+) [^"]*" (\d{3}) /;

function parseLine(line: string): RegistryRequest[] {
  const [, method, path, status] = combined.exec(line) ?? [];
  return method && path && status ? [{ method, path, status: Number(status) }] : [];
}
