import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ask } from "./ask.ts";
import { assertDocumented } from "./documented-log.ts";
import { freePort } from "./free-port.ts";
import { type Ended, runProgram } from "./run-program.ts";
import { type Exit, ServerProcess } from "./server-process.ts";

/** What people run. */
export const sluiceProgram: string = fileURLToPath(new URL("../../bin/sluice", import.meta.url));

/** The settings of `mirror.config.yaml`, as a user would write them. */
export type Settings = Readonly<Record<string, unknown>>;

export interface SluiceOptions {
  readonly upstreams: Settings;
  /** Where it stores, so that it outlives this daemon; a temporary directory where nothing is said. */
  readonly directory?: string;
  /** Top-level settings beside those; one given here replaces the whole of its section. */
  readonly settings?: Settings;
  /** Of `server`, beside its address. */
  readonly server?: Settings;
  /** Environment variables beside those of this process. */
  readonly env?: Readonly<Record<string, string>>;
  /** A program and its arguments by way of which it is started. */
  readonly through?: readonly string[];
}

export type LogLine = Readonly<Record<string, unknown>>;

/** The daemon as its users start it: `sluice serve --config FILE`, on loopback ports. */
export class SluiceProcess {
  /** `127.0.0.1:PORT`, as clients name a registry. */
  readonly host: string;
  readonly adminHost: string;
  readonly configFile: string;
  readonly #process: ServerProcess;
  readonly #resources: AsyncDisposableStack;
  readonly #lines: LogLine[] = [];
  #readUntil = 0;

  private constructor(home: Home, process: ServerProcess, resources: AsyncDisposableStack) {
    this.host = home.host;
    this.adminHost = home.adminHost;
    this.configFile = home.configFile;
    this.#process = process;
    this.#resources = resources;
  }

  /** Starts it and waits until it is ready. Another attempt is made on other ports when these were taken. */
  static async start(options: SluiceOptions): Promise<SluiceProcess> {
    return SluiceProcess.#launch(options).catch((error: unknown) => {
      if (!String(error).includes("another program listens")) throw error;
      return SluiceProcess.#launch(options);
    });
  }

  static async #launch(options: SluiceOptions): Promise<SluiceProcess> {
    await using resources = new AsyncDisposableStack();
    const home = resources.use(await makeHome(options));
    const serve = [sluiceProgram, "serve", "--config", home.configFile];
    const [program = "", ...args] = [...(options.through ?? []), ...serve];
    const daemon = resources.use(
      new ServerProcess(program, args, {
        cwd: home.path,
        env: { ...process.env, ...options.env },
      }),
    );
    await daemon.until(() => isReady(home));
    return new SluiceProcess(home, daemon, resources.move());
  }

  get url(): string {
    return `http://${this.host}`;
  }

  get adminUrl(): string {
    return `http://${this.adminHost}`;
  }

  get pid(): number {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#process.running;
  }

  get stdout(): string {
    return this.#process.stdout;
  }

  get stderr(): string {
    return this.#process.stderr;
  }

  /** What it has logged so far. Throws when a line of its standard output is no JSON object. */
  get log(): LogLine[] {
    const { stdout } = this.#process;
    const end = stdout.lastIndexOf("\n") + 1;
    // Each line is read once, for tests look again and again until the one has come that they wait for.
    for (const line of stdout.slice(this.#readUntil, end).split("\n").slice(0, -1)) {
      this.#lines.push(parseLine(line));
    }
    this.#readUntil = end;
    return [...this.#lines];
  }

  kill(signal: NodeJS.Signals): void {
    this.#process.kill(signal);
  }

  async exit(): Promise<Exit> {
    return this.#process.exit();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

/** Runs `sluice` with `args` to its end, by way of `through` (a program and its arguments) where that is given. */
export async function runSluice(
  args: readonly string[],
  through: readonly string[] = [],
): Promise<Ended> {
  const [command = sluiceProgram, ...rest] = [...through, sluiceProgram, ...args];
  return runProgram(command, rest, { limitMs: 30_000 });
}

/** A temporary directory with a configuration for loopback ports that were free a moment ago. */
export interface Home extends AsyncDisposable {
  readonly path: string;
  readonly configFile: string;
  readonly host: string;
  readonly adminHost: string;
}

export async function makeHome(options: SluiceOptions): Promise<Home> {
  const home = await mkdtempDisposable(join(tmpdir(), "sluice-process-"));
  const configFile = join(home.path, "mirror.config.yaml");
  const [host, adminHost] = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
  const settings = {
    server: { listen: host, ...options.server },
    admin: { listen: adminHost },
    storage: { directory: options.directory ?? join(home.path, "storage") },
    upstreams: options.upstreams,
    ...options.settings,
  };
  // JSON is YAML.
  await writeFile(configFile, JSON.stringify(settings, null, 2));
  const dispose = (): Promise<void> => home[Symbol.asyncDispose]();
  return { path: home.path, configFile, host, adminHost, [Symbol.asyncDispose]: dispose };
}

function parseLine(line: string): LogLine {
  const parsed: LogLine = JSON.parse(line);
  assertDocumented(parsed);
  return parsed;
}

async function isReady({ host, adminHost }: Home): Promise<boolean> {
  const urls = [`http://${host}/readyz`, `http://${adminHost}/readyz`];
  const answers = await Promise.all(urls.map((url) => ask(url).catch(() => null)));
  return answers.every((answer) => answer?.status === 200);
}
