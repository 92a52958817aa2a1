import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { FakeUpstream } from "./fake-upstream.ts";
import { imageOfSize, type TestImage } from "./images.ts";
import { type Asked, believed, MirrorModel } from "./mirror-model.ts";
import type { RawAnswer } from "./raw-client.ts";
import { TestMirror } from "./test-mirror.ts";

const repositories = ["team/a", "team/b"] as const;
const tags = ["1", "2"] as const;
// One of them larger than what is held back of a blob until its digest is right.
const images: readonly TestImage[] = [10, 1_000, 70_000].map((size) =>
  imageOfSize(`${size}`, size),
);

// Of real time, less than the mirror waits for upstream where it has something stale: on a machine that is so busy it may
// have given up.
const patienceMs = 800;

/**
 * Does so many sequences of operations, as chance has them, to a mirror of its own each. A sequence with a wrong answer is
 * shrunk to what is needed for it, and named with its seed.
 */
export async function assertModelled(asked: {
  readonly seed: number;
  readonly sequences: number;
  readonly operationsLimit: number;
}): Promise<void> {
  const { seed, sequences, operationsLimit } = asked;
  const commands = fc.commands(operations(), { maxCommands: operationsLimit, size: "max" });
  const property = fc.asyncProperty(commands, async (sequence) => {
    await using real = await ModelledMirror.start();
    await fc.asyncModelRun(() => ({ model: real.model, real }), sequence);
  });
  await fc.assert(property, { seed, numRuns: sequences });
}

/** The real mirror before an upstream in memory, and what is known of both. */
class ModelledMirror implements AsyncDisposable {
  readonly model: MirrorModel = new MirrorModel();
  readonly #upstream: FakeUpstream;
  readonly #revoked: Set<string>;
  readonly #directory: string;
  readonly #resources: AsyncDisposableStack;
  #mirror: TestMirror;
  #isFailing = false;

  private constructor(
    parts: {
      readonly upstream: FakeUpstream;
      readonly revoked: Set<string>;
      readonly directory: string;
    },
    mirror: TestMirror,
    resources: AsyncDisposableStack,
  ) {
    this.#upstream = parts.upstream;
    this.#revoked = parts.revoked;
    this.#directory = parts.directory;
    this.#mirror = mirror;
    this.#resources = resources;
    this.model.nowMs = mirror.nowMs;
  }

  static async start(): Promise<ModelledMirror> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "modelled-")));
    const revoked = new Set<string>();
    const upstream = await FakeUpstream.start({
      gate: async (_, response, repository) => {
        if (!revoked.has(repository)) return false;
        response.writeHead(403).end();
        return true;
      },
    });
    const mirror = await startMirror(upstream, path, undefined);
    return new ModelledMirror({ upstream, revoked, directory: path }, mirror, resources.move());
  }

  /** By one client, or by several at once. */
  async pull(all: readonly Asked[]): Promise<void> {
    const startedMs = performance.now();
    const answers = await Promise.all(all.map((asked) => this.#answerTo(asked)));
    if (performance.now() - startedMs > patienceMs) this.model.hesitate();
    for (const [at, asked] of all.entries()) {
      const answer = answers[at];
      if (answer) this.model.judge(asked, answer, all.length - 1);
    }
    await this.#mirror.idle();
    this.model.rest();
  }

  move(repository: string, tag: string, image: TestImage | null): void {
    if (image === null) this.#upstream.removeTag(repository, tag);
    else this.#upstream.addImage(repository, tag, image);
    this.model.move(repository, tag, image?.manifest ?? null);
    if (image) this.model.add(repository, image.manifest, image.blobs);
  }

  revoke(repository: string, revoked: boolean): void {
    if (revoked) this.#revoked.add(repository);
    else this.#revoked.delete(repository);
    this.model.revoke(repository, revoked);
  }

  async fail(failing: boolean): Promise<void> {
    if (failing === this.#isFailing) return;
    this.#isFailing = failing;
    await (failing ? this.#upstream.down() : this.#upstream.up());
    this.model.fail(failing);
  }

  async evict(): Promise<void> {
    await this.#mirror.daemon.mirror.evictor.evict({ toBytes: 0 });
    this.model.evict();
  }

  async restart(): Promise<void> {
    await this.#mirror[Symbol.asyncDispose]();
    this.#mirror = await startMirror(this.#upstream, this.#directory, this.model.nowMs);
    this.model.restart();
  }

  pass(durationMs: number): void {
    this.#mirror.advance(durationMs);
    this.model.nowMs += durationMs;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#mirror[Symbol.asyncDispose]();
    if (!this.#isFailing) await this.#upstream.down();
    await this.#resources.disposeAsync();
  }

  async #answerTo({ repository, tag, content, isBlob, part }: Asked): Promise<RawAnswer> {
    const kind = isBlob ? "blobs" : "manifests";
    const range = part === null ? {} : { range: `bytes=${part.first}-${part.last}` };
    return await this.#mirror.get(`/v2/${repository}/${kind}/${tag ?? content?.digest}`, range);
  }
}

type Command = fc.AsyncCommand<MirrorModel, ModelledMirror>;

/** An operation on both. */
class Operation implements Command {
  readonly #name: string;
  readonly #act: (real: ModelledMirror) => void | Promise<void>;
  readonly #pulled: readonly Asked[];

  constructor(
    name: string,
    act: (real: ModelledMirror) => void | Promise<void>,
    pulled: readonly Asked[] = [],
  ) {
    this.#name = name;
    this.#act = act;
    this.#pulled = pulled;
  }

  /** What would take seconds of real time is left out. */
  check(model: Readonly<MirrorModel>): boolean {
    return !this.#pulled.some((asked) => model.takesLong(asked));
  }

  async run(_: MirrorModel, real: ModelledMirror): Promise<void> {
    await this.#act(real);
  }

  toString(): string {
    return this.#name;
  }
}

/** What is done to a mirror and its upstream in some order, pulls most of all. */
function operations(): fc.Arbitrary<Command>[] {
  const repository = fc.constantFrom(...repositories);
  const tag = fc.constantFrom(...tags);
  const image = fc.constantFrom(...images);
  const asked = questions();
  const move = fc.tuple(repository, tag, fc.option(image, { freq: 4 })).map(([where, name, to]) => {
    const what = to === null ? "nothing" : `image ${images.indexOf(to)}`;
    return new Operation(`move ${where}:${name} to ${what}`, (real) => real.move(where, name, to));
  });
  const pull = asked.map(
    (one) => new Operation(`pull ${told(one)}`, (real) => real.pull([one]), [one]),
  );
  const pulls = fc.array(asked, { minLength: 2, maxLength: 4 }).map((all) => {
    return new Operation(`pull ${all.map(told).join(" and ")}`, (real) => real.pull(all), all);
  });
  const pass = fc
    .constantFrom(
      1_000,
      believed.negativeTtlMs,
      10_000,
      believed.ttlMs,
      3_600_000,
      believed.grantTtlMs,
      31 * 24 * 3_600_000,
    )
    .map((ms) => new Operation(`${ms / 1000} s pass`, (real) => real.pass(ms)));
  const revoke = fc.tuple(repository, fc.boolean()).map(([where, revoked]) => {
    return new Operation(`${revoked ? "revoke" : "allow"} ${where}`, (real) =>
      real.revoke(where, revoked),
    );
  });
  const fail = fc.boolean().map((failing) => {
    return new Operation(failing ? "upstream fails" : "upstream is well", (real) =>
      real.fail(failing),
    );
  });
  // These take a hundred times as long as a pull.
  const seldom = fc.constantFrom(
    new Operation("evict all", (real) => real.evict()),
    new Operation("restart", (real) => real.restart()),
  );
  return [
    ...Array.from({ length: 12 }, () => pull),
    ...[pulls, pulls, move, move, move, move, pass, pass, pass, pass, revoke, fail, fail, seldom],
  ];
}

function questions(): fc.Arbitrary<Asked> {
  const repository = fc.constantFrom(...repositories);
  const byTag = fc
    .constantFrom(...tags)
    .map((tag) => ({ tag, content: null, isBlob: false, part: null }));
  const manifests = fc
    .constantFrom(...images.map(({ manifest }) => manifest))
    .map((content) => ({ tag: null, content, isBlob: false, part: null }));
  const blobs = fc
    .tuple(
      fc.constantFrom(...images.flatMap((image) => image.blobs)),
      fc.option(fc.nat()),
      fc.nat(),
    )
    .map(([content, first, length]) => ({
      tag: null,
      content,
      isBlob: true,
      part: partOf(content.bytes, first, length),
    }));
  return fc
    .tuple(repository, fc.oneof(byTag, manifests, blobs))
    .map(([where, what]) => ({ repository: where, ...what }));
}

function partOf({ length }: Buffer, start: number | null, more: number): Asked["part"] {
  if (start === null) return null;
  const first = start % length;
  return { first, last: first + (more % (length - first)) };
}

function told({ repository, tag, content, part }: Asked): string {
  const name = `${repository}${tag === null ? `@${content?.digest.slice(0, 14)}` : `:${tag}`}`;
  return part === null ? name : `${name} ${part.first}-${part.last}`;
}

async function startMirror(
  upstream: FakeUpstream,
  directory: string,
  nowMs: number | undefined,
): Promise<TestMirror> {
  return await TestMirror.start({
    upstreams: { "docker.io": upstream },
    directory,
    ttlMs: believed.ttlMs,
    ...(nowMs === undefined ? {} : { nowMs }),
  });
}
