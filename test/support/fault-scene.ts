import assert from "node:assert/strict";
import { mkdtempDisposable, readdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { UpstreamConfig } from "../../src/config/config.ts";
import type { Size } from "../../src/config/units.ts";
import type { DigestAlgorithm } from "../../src/oci/digest.ts";
import {
  type CheckedAnswer,
  type CheckedRequest,
  CheckingClient,
  checkedPull,
} from "./checking-client.ts";
import { eventually } from "./eventually.ts";
import { assertNeverWrong, auditStore, descriptorsOfThread, temporaryIn } from "./fault-oracles.ts";
import { FaultUpstream, type FaultUpstreamOptions } from "./fault-upstream.ts";
import { lieOf } from "./faults.ts";
import type { SeededContent } from "./seeded-content.ts";
import { TestMirror } from "./test-mirror.ts";

export interface FaultSceneOptions extends FaultUpstreamOptions {
  readonly settings?: Partial<UpstreamConfig>;
  /** As of TestMirror, but true where nothing is said: what is asked again and again ends by it. */
  readonly machineClock?: boolean;
  /** A second upstream, `beside.test`: a repository `beside.test/good/app` is its `good/app`. */
  readonly beside?: FaultUpstream;
  /** Where the mirror asks the upstream, if not where it listens; on the same port. */
  readonly askedAt?: string;
  /** The upstream's second endpoint. */
  readonly next?: FaultUpstream;
  /** Where the mirror stores, in place of a temporary directory. */
  readonly directory?: string;
  readonly maxSize?: Size;
  readonly minFree?: Size;
  /** Images that are never evicted. */
  readonly pins?: readonly string[];
}

export interface Pull {
  readonly method?: "GET" | "HEAD";
  readonly headers?: Readonly<Record<string, string>>;
  readonly version?: "1.0" | "1.1";
  readonly algorithm?: DigestAlgorithm;
}

/** A mirror in this process before an upstream that breaks, and what must hold whatever broke. */
export class FaultScene implements AsyncDisposable {
  readonly upstream: FaultUpstream;
  readonly mirror: TestMirror;
  readonly directory: string;
  readonly #upstreams: readonly FaultUpstream[];
  readonly #resources: AsyncDisposableStack;
  readonly #before: Footprint;

  private constructor(
    parts: {
      readonly upstream: FaultUpstream;
      readonly mirror: TestMirror;
      readonly directory: string;
      readonly upstreams: readonly FaultUpstream[];
    },
    before: Footprint,
    resources: AsyncDisposableStack,
  ) {
    this.upstream = parts.upstream;
    this.mirror = parts.mirror;
    this.directory = parts.directory;
    this.#upstreams = parts.upstreams;
    this.#before = before;
    this.#resources = resources;
  }

  static async start(options: FaultSceneOptions = {}): Promise<FaultScene> {
    await using resources = new AsyncDisposableStack();
    const upstream = resources.use(await FaultUpstream.start(options));
    const { maxSize, minFree, beside, next, pins, askedAt } = options;
    const endpoints = [upstream, ...(next ? [next] : [])];
    const urls = endpoints.map(({ url }) => new URL(url));
    if (askedAt && urls[0]) urls[0].hostname = askedAt;
    const settings = { endpoints: urls, ...options.settings };
    const directory =
      options.directory ?? resources.use(await mkdtempDisposable(join(tmpdir(), "faults-"))).path;
    const mirror = resources.use(
      await TestMirror.start({
        upstreams: {
          "faults.test": upstream.url,
          ...(beside ? { "beside.test": beside.url } : {}),
        },
        directory,
        settings: { "faults.test": settings },
        machineClock: options.machineClock ?? true,
        ...(maxSize ? { maxSize } : {}),
        ...(minFree ? { minFree } : {}),
        ...(pins ? { eviction: { pins } } : {}),
      }),
    );
    const before = await footprint();
    const upstreams = [...endpoints, ...(beside ? [beside] : [])];
    return new FaultScene({ upstream, mirror, directory, upstreams }, before, resources.move());
  }

  /** A client on its way. `fault` is the first part of the repository's name. */
  open(fault: string, truth: SeededContent, pull: Pull = {}): CheckingClient {
    return new CheckingClient(this.mirror.url, requestFor(fault, truth, pull));
  }

  /** A pull to its end; whatever became of it, it is not wrong. */
  async pull(fault: string, truth: SeededContent, pull: Pull = {}): Promise<CheckedAnswer> {
    const request = requestFor(fault, truth, pull);
    const answer = await checkedPull(this.mirror.url, request);
    assertNeverWrong(answer, request);
    return answer;
  }

  /** Pulls what must be right and whole. */
  async pullWhole(fault: string, truth: SeededContent, pull: Pull = {}): Promise<CheckedAnswer> {
    const answer = await this.pull(fault, truth, pull);
    assert.deepEqual(
      { status: answer.status, complete: answer.complete, bytes: answer.trueBytes },
      { status: 200, complete: true, bytes: truth.sizeBytes },
      `${fault} ${truth.seed}: ${answer.text.toString()}`,
    );
    return answer;
  }

  /** Ends the client as `pull` does. */
  async finish(
    client: CheckingClient,
    fault: string,
    truth: SeededContent,
  ): Promise<CheckedAnswer> {
    const answer = await client.end();
    assertNeverWrong(answer, requestFor(fault, truth, {}));
    return answer;
  }

  /** Lets so much time pass that what failed before does not add up with what fails now. */
  passOver(): void {
    this.mirror.advance(60_000);
  }

  /** GETs of a blob that reached the registry. */
  blobGets(truth: SeededContent): number {
    return this.upstream.asked("GET", `/blobs/${truth.digest}`).length;
  }

  /**
   * What must hold after any fault: the store holds only what is right, nothing is left over, and neither
   * descriptors nor timers nor connections stay behind. Whatever is listed in `stored` is there, what is in `unstored`
   * is not.
   */
  async assertSound({
    stored = [],
    unstored = [],
  }: {
    readonly stored?: readonly SeededContent[];
    readonly unstored?: readonly SeededContent[];
  } = {}): Promise<void> {
    await this.mirror.idle();
    await eventually("no temporary file is left", async () => {
      return (await temporaryIn(this.directory)).length === 0;
    });
    const audit = await auditStore(this.directory);
    assert.deepEqual(audit.faults, []);
    assert.deepEqual(audit.temporary, []);
    for (const one of stored) assert.ok(holds(audit.digests, one), `${one.seed} is not stored`);
    for (const one of unstored) assert.ok(!holds(audit.digests, one), `${one.seed} is stored`);
    this.#assertNothingBroke();
    await eventually("no answer of an upstream runs", () =>
      this.#upstreams.every(({ busy }) => busy === 0),
    );
    for (const upstream of this.#upstreams) upstream.closeIdle();
    await eventually("descriptors and timers are what they were", async () => {
      return isNear(await footprint(), this.#before);
    }).catch(async (error: unknown) => {
      const now = await footprint();
      throw new Error(`before ${JSON.stringify(this.#before)}, now ${JSON.stringify(now)}`, {
        cause: error,
      });
    });
  }

  /** From now on the upstream is honest: ten seconds later pulls are right, without anybody doing anything. */
  async assertHeals(
    contents: Iterable<readonly [fault: string, truth: SeededContent]>,
  ): Promise<void> {
    this.upstream.heal();
    this.mirror.advance(10_000);
    const [first, ...others] = contents;
    // Where upstream was left alone this pull finds out that it is well.
    if (first) await this.pullWhole(...first);
    await Promise.all(others.map(([fault, truth]) => this.pullWhole(fault, truth)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  /** Errors that are neither an upstream's nor a client's are bugs, and say so in the log. */
  #assertNothingBroke(): void {
    const broken = this.mirror.logLines.filter(
      ({ msg, level }) => msg === "request failed" || level === "fatal",
    );
    assert.deepEqual(broken, []);
  }
}

function requestFor(fault: string, truth: SeededContent, pull: Pull): CheckedRequest {
  const { algorithm = "sha256", ...rest } = pull;
  const target = `/v2/${fault}/app/blobs/${truth.digestBy(algorithm)}`;
  return { target, truth, lie: lieOf(fault, truth), ...rest };
}

function holds(digests: ReadonlySet<string>, content: SeededContent): boolean {
  return digests.has(content.digest) || digests.has(content.digestBy("sha512"));
}

interface Footprint {
  readonly descriptors: number;
  readonly timers: number;
}

async function footprint(): Promise<Footprint> {
  const descriptors = (await readdir("/proc/self/fd")).length;
  const timers = process.getActiveResourcesInfo().filter((one) => one === "Timeout").length;
  return { descriptors, timers };
}

// The store's own timers and descriptors come and go.
const slack = 5;

function isNear(now: Footprint, before: Footprint): boolean {
  const descriptors = before.descriptors + descriptorsOfThread + slack;
  return now.descriptors <= descriptors && now.timers <= before.timers + slack;
}
