import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Size } from "../../src/config/units.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import type { TestImage } from "../support/images.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { runInThread } from "./run-in-thread.ts";
import { type Outcome, runSluice } from "./run-sluice.ts";

/** A daemon before docker.io and ghcr.io, and the commands of its configuration; also when it has stopped. */
export class CommandScene implements AsyncDisposable {
  readonly mirror: TestMirror;
  readonly hub: FakeUpstream;
  readonly github: FakeUpstream;
  /** The configuration. */
  readonly file: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: { mirror: TestMirror; hub: FakeUpstream; github: FakeUpstream; file: string },
    resources: AsyncDisposableStack,
  ) {
    this.mirror = parts.mirror;
    this.hub = parts.hub;
    this.github = parts.github;
    this.file = parts.file;
    this.#resources = resources;
  }

  static async start(options: Partial<TestMirrorOptions> = {}): Promise<CommandScene> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "sluice-")));
    const hub = resources.use(await FakeUpstream.start());
    const github = resources.use(await FakeUpstream.start());
    const file = join(path, "lab.yaml");
    await writeFile(file, configText({ hub, github, maxSize: options.maxSize }));
    const upstreams = { "docker.io": hub, "ghcr.io": github };
    const directory = join(path, "stored");
    const mirror = resources.use(await TestMirror.start({ upstreams, directory, ...options }));
    return new CommandScene({ mirror, hub, github, file }, resources.move());
  }

  /** Where the configuration is, and below it what is stored. */
  get directory(): string {
    return dirname(this.file);
  }

  /** Pulls as a client does: the tag, one manifest of an index, and what that names. */
  async pull(name: string, tag: string, image: TestImage): Promise<void> {
    await this.mirror.get(`/v2/${name}/manifests/${tag}`);
    const [child = image] = image.children;
    if (child !== image) await this.mirror.get(`/v2/${name}/manifests/${child.manifest.digest}`);
    for (const { digest } of child.blobs) await this.mirror.get(`/v2/${name}/blobs/${digest}`);
    await this.mirror.idle();
    this.mirror.advance(60_000);
  }

  /** In a thread of the test's process. */
  run(...args: readonly string[]): Promise<Outcome> {
    return this.#runInThread(args, null);
  }

  /** Where it is always the time that it is in the mirror: what a command opens by itself is as old as there. */
  runByItsClock(...args: readonly string[]): Promise<Outcome> {
    return this.#runInThread(args, this.mirror.nowMs);
  }

  /** The same in a process, which has to end by itself. */
  runProcessByItsClock(...args: readonly string[]): Promise<Outcome> {
    const clock = `--import=data:text/javascript,Date.now=()=>${this.mirror.nowMs}`;
    const surroundings = { cwd: "/", env: { NODE_OPTIONS: clock } };
    return runSluice(this.#configured(args), surroundings);
  }

  /** Ends the daemon: what is run from now on opens the storage directory itself. */
  stop(): Promise<void> {
    return this.mirror[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }

  #runInThread(args: readonly string[], nowMs: number | null): Promise<Outcome> {
    return runInThread({ args: this.#configured(args), nowMs });
  }

  #configured(args: readonly string[]): string[] {
    return [...args, "--config", this.file];
  }
}

interface Configured {
  readonly hub: FakeUpstream;
  readonly github: FakeUpstream;
  readonly maxSize: Size | undefined;
}

function configText({ hub, github, maxSize }: Configured): string {
  const bound = maxSize?.kind === "bytes" ? `, maxSize: ${maxSize.bytes}B` : "";
  return `storage: { directory: stored${bound} }
upstreams:
  docker.io: { endpoints: ["${hub.url}"], default: true }
  ghcr.io: { endpoints: ["${github.url}"] }
`;
}
