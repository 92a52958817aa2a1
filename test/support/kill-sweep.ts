import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { digestOf } from "../../src/oci/digest.ts";
import { type Answer, ask } from "./ask.ts";
import { eventually } from "./eventually.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import { auditStore, temporaryIn } from "./fault-oracles.ts";
import { imageOfSize, type TestBlob, type TestImage } from "./images.ts";
import { runProgram } from "./run-program.ts";
import { SluiceProcess } from "./sluice-process.ts";
import { killedAtCall, TracedCalls } from "./traced-calls.ts";

/** A thread of the daemon: what the kernel calls it, and which one of those that are called so. */
export type ThreadName = `${string} ${number}`;

/** What a thread does to the storage directory, and how often it makes the call in one pull. */
export interface Turns {
  readonly thread: ThreadName;
  readonly call: string;
  readonly count: number;
}

const mib = 1024 ** 2;
const limitBytes = 16 * mib;

// Together less than the bound; the pull that is killed needs more than what lies between that and the low watermark.
const storedImages = 8;
const layerBytes = 1.5 * mib;
const largeLayerBytes = 4.5 * mib;

/** All that can change a file, its name or who else sees it. */
const changes = [
  ...["openat", "close", "write", "writev", "pwrite64", "pwritev", "ftruncate", "fallocate"],
  ...["fsync", "fdatasync", "sync_file_range", "rename", "renameat", "renameat2", "link", "linkat"],
  ...["unlink", "unlinkat", "mkdir", "mkdirat", "rmdir", "fchown", "fchmod", "utimensat"],
];

/**
 * A daemon with little room, killed (SIGKILL) in a pull for which images must go, at one call of one of its threads; then
 * the next one on the same directory, which is the next to be killed. After each kill the store is right and within its
 * bound, the next daemon starts, has nothing to complain of and serves every image as it is.
 */
export class KillSweep implements AsyncDisposable {
  readonly #upstream: FakeUpstream;
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;
  readonly #images: TestImage[] = [];
  #sluice: SluiceProcess;
  #pulls = 0;

  private constructor(
    parts: { readonly upstream: FakeUpstream; readonly directory: string },
    sluice: SluiceProcess,
    resources: AsyncDisposableStack,
  ) {
    this.#upstream = parts.upstream;
    this.#directory = parts.directory;
    this.#sluice = sluice;
    this.#resources = resources;
  }

  static async start(): Promise<KillSweep> {
    await using resources = new AsyncDisposableStack();
    const upstream = resources.use(await FakeUpstream.start());
    const home = resources.use(await mkdtempDisposable(join(tmpdir(), "kill-sweep-")));
    const parts = { upstream, directory: join(home.path, "storage") };
    const sweep = new KillSweep(parts, await startSluice(parts), resources.move());
    for (let at = 0; at < storedImages; at++) sweep.#add(imageOfSize(`stored ${at}`, layerBytes));
    await sweep.#pullEverything();
    return sweep;
  }

  /** What such a pull does, and each of its threads how often. */
  async turns(): Promise<Turns[]> {
    const names = await this.#threads();
    await using traced = await TracedCalls.attach(this.#sluice.pid, changes.join(","), null);
    await this.#pullLarge();
    const lines = await traced.detach();
    const all = lines.flatMap(callsIn);
    const touched = lines.filter((line) => line.includes(this.#directory)).flatMap(callsIn);
    const kinds = new Map(touched.map((one) => [`${one.thread} ${one.call}`, one]));
    return [...kinds.values()].map(({ thread, call }) => ({
      thread: nameOf(names, thread),
      call,
      count: all.filter((one) => one.thread === thread && one.call === call).length,
    }));
  }

  /** Resolves to false if the pull got through, for the thread makes the call less often. */
  async killedAt({ thread, call }: Pick<Turns, "thread" | "call">, nth: number): Promise<boolean> {
    const names = await this.#threads();
    const id = names.get(thread);
    assert.ok(id, `there is no thread ${thread}, only ${[...names.keys()]}`);
    const inject = `${call}:signal=SIGKILL:when=${nth}`;
    await using strace = await TracedCalls.attachToThread(id, call, inject);
    const isThrough = await this.#pullLarge().then(
      () => true,
      () => false,
    );
    if (isThrough && this.#sluice.running) {
      await strace.detach();
      return false;
    }
    assert.deepEqual(await this.#sluice.exit(), { code: null, signal: "SIGKILL" });
    await strace.end();
    await this.#assertRightAfterKill();
    return true;
  }

  /**
   * The same at the start of a daemon behind one that was killed: with content that arrives, content on its way out, and a
   * catalog whose log was not emptied. Resolves to false if the start, and what it does behind, got through.
   */
  async killedAtStart(call: string, nth: number): Promise<boolean> {
    await this.#leaveBehind();
    const left = ["ingest", "trash"].map((name) => join(this.#directory, name));
    const files = (await Promise.all(left.map(filesIn))).flat();
    const through = killedAtCall({ call, nth }, [...left, ...files, ...this.#catalogFiles]);
    const parts = { upstream: this.#upstream, directory: this.#directory };
    const started = await startSluice(parts, through).catch(() => null);
    if (started) {
      this.#sluice = started;
      const isSwept = () => this.#isAgreed().catch(() => !started.running);
      await eventually("it is killed, or has swept", async () => !started.running || isSwept());
    }
    const isThrough = started?.running === true;
    await this.#assertRightAfterKill();
    return !isThrough;
  }

  /** The same in what a daemon does that is told to stop: it empties the catalog's log. */
  async killedAtStop(call: string, nth: number): Promise<boolean> {
    await this.#pullLarge();
    const inject = `${call}:signal=SIGKILL:when=${nth}`;
    const { pid } = this.#sluice;
    const how = { calls: call, inject };
    await using strace = await TracedCalls.attachToFiles(pid, this.#catalogFiles, how);
    this.#sluice.kill("SIGTERM");
    const { signal } = await this.#sluice.exit();
    await strace.end();
    await this.#assertRightAfterKill();
    return signal === "SIGKILL";
  }

  get #catalogFiles(): string[] {
    const names = ["catalog.db", "catalog.db-wal", "catalog.db-shm"];
    return names.map((name) => join(this.#directory, name));
  }

  async #leaveBehind(): Promise<void> {
    const image = imageOfSize(`large ${this.#pulls++}`, largeLayerBytes);
    this.#images.length = storedImages;
    this.#add(image);
    const [layer] = image.blobs.toSorted((one, other) => other.bytes.length - one.bytes.length);
    assert.ok(layer);
    const release = this.#upstream.hold("team/app", layer.digest, layerBytes);
    const pulling = this.#pull(image).catch(() => {});
    await eventually("some of it has come", async () => {
      return (await filesIn(join(this.#directory, "ingest"))).length > 0;
    });
    await writeFile(join(this.#directory, "trash", "on its way out"), Buffer.alloc(64 * 1024));
    this.#sluice.kill("SIGKILL");
    await this.#sluice.exit();
    release();
    await pulling;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#sluice[Symbol.asyncDispose]();
    await this.#resources.disposeAsync();
  }

  async #assertRightAfterKill(): Promise<void> {
    assert.deepEqual((await auditStore(this.#directory)).faults, []);
    await this.#assertWithinBound();
    await this.#sluice[Symbol.asyncDispose]();
    this.#sluice = await startSluice({ upstream: this.#upstream, directory: this.#directory });
    await eventually("what the killed one left is swept and adopted", () => this.#isAgreed());
    await this.#assertWithinBound();
    await this.#pullEverything();
    await eventually("each file has its row", () => this.#isAgreed());
    await this.#assertWithinBound();
    assert.equal(this.#sluice.stderr, "");
    const complaints = this.#sluice.log.filter(
      ({ level }) => level === "error" || level === "fatal",
    );
    assert.deepEqual(complaints, []);
  }

  /** Nothing temporary, each row with its file and each file with its row. */
  async #isAgreed(): Promise<boolean> {
    await this.#atRest();
    if ((await temporaryIn(this.#directory)).length > 0) return false;
    const { faults, digests, temporary } = await auditStore(this.#directory);
    assert.deepEqual(faults, []);
    const { stored } = await this.#stats();
    return temporary.length === 0 && stored.blobs === digests.size;
  }

  async #assertWithinBound(): Promise<void> {
    const { stdout } = await runProgram("du", ["-s", "--block-size=1", this.#directory]);
    const usedBytes = Number.parseInt(stdout, 10);
    assert.ok(usedBytes <= limitBytes, `${usedBytes} bytes are in use`);
  }

  #add(image: TestImage): void {
    this.#images.push(image);
    this.#upstream.addImage("team/app", tagOf(image), image);
  }

  /** An image that is not here, and larger than what is free. What was pulled so before is asked for no more. */
  async #pullLarge(): Promise<void> {
    const image = imageOfSize(`large ${this.#pulls++}`, largeLayerBytes);
    this.#images.length = storedImages;
    this.#add(image);
    await this.#pull(image);
    await this.#atRest();
  }

  /** Whatever is stored or not: it is right. Afterwards the store is full, and the thread that chooses has begun. */
  async #pullEverything(): Promise<void> {
    for (const image of this.#images) await this.#pull(image);
    await this.#atRest();
    assert.equal((await ask(`${this.#sluice.adminUrl}/api/v1/evict?toBytes=0`)).status, 200);
  }

  async #pull(image: TestImage): Promise<void> {
    const { manifest, blobs } = image;
    await this.#pullPart(`manifests/${tagOf(image)}`, manifest);
    for (const blob of blobs) await this.#pullPart(`blobs/${blob.digest}`, blob);
  }

  async #pullPart(path: string, { digest, bytes }: TestBlob): Promise<void> {
    const url = `${this.#sluice.url}/v2/team/app/${path}`;
    const accept = "application/vnd.oci.image.manifest.v1+json";
    const answer: Answer = await ask(url, { headers: { accept } });
    assert.equal(answer.status, 200, `${path}: ${answer.bytes.subarray(0, 1_000)}`);
    assert.ok(answer.bytes.equals(bytes), `${path} is not ${digest} but ${digestOf(answer.bytes)}`);
  }

  async #atRest(): Promise<void> {
    await eventually("no fill runs", async () => (await this.#stats()).fillsInFlight === 0);
  }

  async #stats(): Promise<{ fillsInFlight: number; stored: { blobs: number } }> {
    const { bytes } = await ask(`${this.#sluice.adminUrl}/api/v1/stats`);
    return JSON.parse(bytes.toString());
  }

  /** The numbers of the threads, by their names. Those that are called alike are told apart by which began first. */
  async #threads(): Promise<Map<ThreadName, number>> {
    const directory = `/proc/${this.#sluice.pid}/task`;
    const ids = (await readdir(directory)).map(Number).sort((one, other) => one - other);
    const names = new Map<ThreadName, number>();
    for (const id of ids) {
      const name = (await readFile(join(directory, String(id), "comm"), "utf8")).trim();
      const alike = [...names.keys()].filter((other) => other.startsWith(`${name} `)).length;
      names.set(`${name} ${alike}`, id);
    }
    return names;
  }
}

async function filesIn(directory: string): Promise<string[]> {
  return (await readdir(directory)).map((name) => join(directory, name));
}

async function startSluice(
  { upstream, directory }: { readonly upstream: FakeUpstream; readonly directory: string },
  through: readonly string[] = [],
): Promise<SluiceProcess> {
  return await SluiceProcess.start({
    through,
    upstreams: { "sweep.test": { endpoints: [upstream.url], default: true } },
    settings: { storage: { directory, maxSize: `${limitBytes / mib}MiB`, minFree: "1MiB" } },
    // One thread of the store, so that the turn of a call is the same in each run.
    env: { UV_THREADPOOL_SIZE: "1" },
  });
}

function tagOf({ manifest }: TestImage): string {
  return manifest.digest.slice(-12);
}

function nameOf(names: ReadonlyMap<ThreadName, number>, thread: number): ThreadName {
  const [name] = [...names].find(([, id]) => id === thread) ?? [];
  assert.ok(name, `thread ${thread} began in mid-pull`);
  return name;
}

/** What a line of strace begins: `12345 rename("/a", "/b") = 0`. None where it tells of the end of a call. */
function callsIn(line: string): { readonly thread: number; readonly call: string }[] {
  const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
  return call === undefined ? [] : [{ thread: Number(thread), call }];
}
