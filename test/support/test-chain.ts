import type { FakeUpstream } from "./fake-upstream.ts";
import { TestMirror, type TestMirrorOptions } from "./test-mirror.ts";

type Options = Omit<TestMirrorOptions, "upstreams">;

/** Mirrors that stand for docker.io and ghcr.io: one before the registries, the others before that one. */
export interface TestChain extends AsyncDisposable {
  readonly parent: TestMirror;
  readonly edges: readonly [TestMirror, TestMirror];
  /** Resolves when no fill runs anywhere, and nothing behind an answer. */
  idle(): Promise<void>;
}

export interface TestChainOptions {
  readonly hub: FakeUpstream | string;
  readonly ghcr?: FakeUpstream | string;
  readonly parent?: Options;
  readonly edges?: Options;
  /** What the edges ask, where something stands before the parent. */
  readonly parentUrl?: (parent: TestMirror) => string;
}

export async function startChain(options: TestChainOptions): Promise<TestChain> {
  await using resources = new AsyncDisposableStack();
  const { hub, ghcr = hub, parentUrl = ({ url }) => url } = options;
  const upstreams = { "docker.io": hub, "ghcr.io": ghcr };
  const parent = resources.use(await TestMirror.start({ ...options.parent, upstreams }));
  const startEdge = async (): Promise<TestMirror> =>
    resources.use(
      await TestMirror.start({ ...options.edges, upstreams: namedAt(parentUrl(parent)) }),
    );
  const edges = [await startEdge(), await startEdge()] as const;
  const kept = resources.move();
  return {
    parent,
    edges,
    idle: async () => {
      for (const mirror of [...edges, parent]) await mirror.idle();
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** The endpoints of a mirror whose path says which of its upstreams is meant. */
export function namedAt(mirrorUrl: string): Readonly<Record<string, string>> {
  return { "docker.io": `${mirrorUrl}/docker.io`, "ghcr.io": `${mirrorUrl}/ghcr.io` };
}
