import { FaultScene } from "../../support/fault-scene.ts";
import { FaultUpstream } from "../../support/fault-upstream.ts";
import { programPath } from "../../support/real-program.ts";
import { mustRun } from "../../support/run-program.ts";

/** What came of pulls while packets to endpoints were lost without a word. */
export interface Findings {
  /** One after the other, of blobs that are not here: while the only endpoint is lost, and when it is back. */
  readonly alone: readonly number[];
  /** How often it was asked while it was lost, as far as the kernel saw. */
  readonly tries: number;
  /** The same while the first of two is lost, and which endpoint answered each. */
  readonly beside: readonly { readonly status: number; readonly tries: number }[];
  /** Whether a blob came whole whose first endpoint was lost in its middle, and where the second began. */
  readonly middle: { readonly complete: boolean; readonly starts: readonly (string | undefined)[] };
}

const sizeBytes = 3_000_000;

const timeouts = { connectMs: 1_500, headersMs: 1_500, answerMs: 4_000, bodyIdleMs: 1_500 };

async function alone(): Promise<Pick<Findings, "alone" | "tries">> {
  await using scene = await FaultScene.start({ settings: { timeouts }, machineClock: false });
  await using hole = await BlackHole.dig(scene.upstream);
  const statuses: number[] = [];
  const pull = async (name: string): Promise<void> => {
    statuses.push((await scene.pull("good", scene.upstream.blob(name, 100))).status);
  };
  await pull("first");
  await pull("second");
  const before = await hole.connects();
  await pull("third");
  const tries = (await hole.connects()) - before;
  await hole.fill();
  scene.mirror.advance(10_000);
  await pull("healed");
  return { alone: statuses, tries };
}

async function beside(): Promise<Findings["beside"]> {
  await using next = await FaultUpstream.start();
  await using scene = await FaultScene.start({
    settings: { timeouts },
    machineClock: false,
    next,
  });
  await using hole = await BlackHole.dig(scene.upstream);
  const found: { status: number; tries: number }[] = [];
  for (const name of ["one", "two", "three"]) {
    const content = scene.upstream.blob(name, 100);
    next.offer(content);
    const before = await hole.connects();
    const { status } = await scene.pull("good", content);
    found.push({ status, tries: (await hole.connects()) - before });
  }
  return found;
}

async function middle(): Promise<Findings["middle"]> {
  await using next = await FaultUpstream.start();
  await using scene = await FaultScene.start({ settings: { timeouts }, next });
  const content = scene.upstream.blob("lost in the middle", sizeBytes);
  next.offer(content);
  const release = scene.upstream.hold(content, 1_000_000);
  using client = scene.open("good", content);
  await client.when(({ bodyBytes }) => bodyBytes > 0);
  await using _hole = await BlackHole.dig(scene.upstream);
  release();
  const { complete } = await scene.finish(client, "good", content);
  const starts = next.asked("GET", content.digest).map(({ headers }) => headers["range"]);
  return { complete, starts };
}

/** Loses what is sent to an endpoint, and what it sends, without a word. */
class BlackHole implements AsyncDisposable {
  readonly #port: string;
  #open = true;

  private constructor(port: string) {
    this.#port = port;
  }

  static async dig({ url }: FaultUpstream): Promise<BlackHole> {
    const hole = new BlackHole(new URL(url).port);
    for (const rule of hole.#rules()) await iptables("-A", ...rule);
    return hole;
  }

  /** How many connections were begun that came to nothing: SYNs, those that are sent again among them. */
  async connects(): Promise<number> {
    const listed = await iptables("-L", "OUTPUT", "-nvx");
    const line = listed
      .split("\n")
      .find((one) => one.includes("flags:") && one.includes(this.#port));
    return Number(line?.trim().split(/\s+/)[0] ?? 0);
  }

  async fill(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    for (const rule of this.#rules()) await iptables("-D", ...rule);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fill();
  }

  #rules(): string[][] {
    const drop = ["-j", "DROP"];
    return [
      ["OUTPUT", "-p", "tcp", "--dport", this.#port, "--syn", ...drop],
      ["OUTPUT", "-p", "tcp", "--dport", this.#port, ...drop],
      ["OUTPUT", "-p", "tcp", "--sport", this.#port, ...drop],
    ];
  }
}

async function iptables(...args: readonly string[]): Promise<string> {
  return await mustRun(programPath("iptables"), args);
}

process.stdout.write(
  JSON.stringify({ ...(await alone()), beside: await beside(), middle: await middle() }),
);
