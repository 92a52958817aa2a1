import { ask } from "../test/support/ask.ts";
import { eventually } from "../test/support/eventually.ts";
import type { FakeUpstream } from "../test/support/fake-upstream.ts";
import { runProgram } from "../test/support/run-program.ts";
import { ServerProcess } from "../test/support/server-process.ts";
import { type Home, makeHome, sluiceProgram } from "../test/support/sluice-process.ts";

/** What the admin API tells of the one upstream. */
interface Counted {
  readonly receivedBytes: number;
  readonly fillsInFlight: number;
}

/** The mirror as its users run it: a process of its own, with a configuration in a temporary directory. */
export class DemoMirror implements AsyncDisposable {
  readonly #home: Home;
  readonly #resources: AsyncDisposableStack;

  private constructor(home: Home, resources: AsyncDisposableStack) {
    this.#home = home;
    this.#resources = resources;
  }

  /** Starts it and waits until it is ready. Rejects with what it said if it cannot start. */
  static async start(upstream: FakeUpstream, interrupt: AbortSignal): Promise<DemoMirror> {
    await using resources = new AsyncDisposableStack();
    const upstreams = { "docker.io": { endpoints: [upstream.url], default: true } };
    const settings = { freshness: { ttl: "0s" } };
    const home = resources.use(await makeHome({ upstreams, settings }));
    const daemon = resources.use(
      new ServerProcess(sluiceProgram, ["serve", "--config", home.configFile]),
    );
    await daemon.until(async () => {
      interrupt.throwIfAborted();
      const answer = await ask(`http://${home.adminHost}/readyz`).catch(() => null);
      return answer?.status === 200;
    });
    return new DemoMirror(home, resources.move());
  }

  get url(): string {
    return `http://${this.#home.host}`;
  }

  /** What `sluice stats` prints. */
  async stats(): Promise<string> {
    const args = ["stats", "--config", this.#home.configFile];
    const { code, stdout, stderr } = await runProgram(sluiceProgram, args);
    if (code === 0) return stdout.trimEnd();
    throw new Error(`sluice stats failed: ${stderr.trim()}`);
  }

  async counted(): Promise<Counted> {
    const { bytes } = await ask(`http://${this.#home.adminHost}/api/v1/stats`);
    const { upstreams, fillsInFlight } = JSON.parse(bytes.toString("utf8")) as {
      upstreams: { receivedBytes: number }[];
      fillsInFlight: number;
    };
    return { receivedBytes: upstreams[0]?.receivedBytes ?? 0, fillsInFlight };
  }

  /** Resolves when what was pulled lies on the disk. */
  async untilStored(interrupt: AbortSignal): Promise<void> {
    await eventually("everything is stored", async () => {
      interrupt.throwIfAborted();
      return (await this.counted()).fillsInFlight === 0;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}
