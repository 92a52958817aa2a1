import { type Digest, digestOf, parseDigest } from "../src/oci/digest.ts";
import { manifestMediaTypes } from "../src/oci/manifest.ts";
import { type Answer, ask } from "../test/support/ask.ts";

export interface PullOrder {
  readonly registryUrl: string;
  readonly repository: string;
  readonly tag: string;
  readonly interrupt: AbortSignal;
}

/** One question of the client and its answer. */
export interface Exchange {
  /** Without `/v2/REPOSITORY/`. */
  readonly asked: string;
  readonly status: number;
  /** The answer's `Cache-Status`; null if it has none. */
  readonly cacheStatus: string | null;
  readonly bytes: number;
  readonly durationMs: number;
}

/** An image that was pulled whole; every digest was right. */
export interface Pull {
  readonly exchanges: readonly Exchange[];
  readonly bytes: number;
  readonly durationMs: number;
}

interface Descriptor {
  readonly digest: string;
  readonly size: number;
  readonly platform?: { readonly architecture: string };
}

/** Pulls as container engines do: what the tag means, the platform's manifest, its config and layers. */
export async function pullImage(order: PullOrder): Promise<Pull> {
  const client = new Client(order);
  await client.ping();
  const index = await client.manifest(order.tag, null);
  const platform = choosePlatform((index["manifests"] ?? []) as Descriptor[]);
  const manifest = await client.manifest(platform.digest, platform);
  const layers = (manifest["layers"] ?? []) as Descriptor[];
  for (const blob of [manifest["config"] as Descriptor, ...layers]) await client.blob(blob);
  return client.pull();
}

class Client {
  readonly #order: PullOrder;
  readonly #exchanges: Exchange[] = [];

  constructor(order: PullOrder) {
    this.#order = order;
  }

  async ping(): Promise<void> {
    await this.#get("/v2/", "/v2/");
  }

  /** `expected` is null where only a tag is known; then the answer's own digest must be right. */
  async manifest(
    reference: string,
    expected: Descriptor | null,
  ): Promise<Readonly<Record<string, unknown>>> {
    const answer = await this.#getContent(`manifests/${reference}`);
    const said = String(answer.headers["docker-content-digest"]);
    check(answer, expected ?? { digest: said, size: answer.bytes.length });
    return JSON.parse(answer.bytes.toString("utf8")) as Record<string, unknown>;
  }

  async blob(expected: Descriptor): Promise<void> {
    check(await this.#getContent(`blobs/${expected.digest}`), expected);
  }

  pull(): Pull {
    const exchanges = this.#exchanges;
    const sum = (of: (one: Exchange) => number): number =>
      exchanges.reduce((total, one) => total + of(one), 0);
    const bytes = sum((one) => (one.cacheStatus === null ? 0 : one.bytes));
    return { exchanges, bytes, durationMs: sum((one) => one.durationMs) };
  }

  async #getContent(asked: string): Promise<Answer> {
    return this.#get(asked, `/v2/${this.#order.repository}/${asked}`);
  }

  async #get(asked: string, path: string): Promise<Answer> {
    this.#order.interrupt.throwIfAborted();
    const startedMs = performance.now();
    const headers = { accept: manifestMediaTypes.join(", ") };
    const answer = await ask(this.#order.registryUrl + path, { headers });
    const durationMs = performance.now() - startedMs;
    const { status, bytes } = answer;
    const cacheStatus = (answer.headers["cache-status"] as string | undefined) ?? null;
    this.#exchanges.push({ asked, status, cacheStatus, bytes: bytes.length, durationMs });
    if (status === 200) return answer;
    throw new Error(`the mirror answered GET ${path} with ${status}: ${bytes.toString("utf8")}`);
  }
}

function choosePlatform(manifests: readonly Descriptor[]): Descriptor {
  const architecture = process.arch === "arm64" ? "arm64" : "amd64";
  const found = manifests.find(({ platform }) => platform?.architecture === architecture);
  if (found) return found;
  throw new Error(`the index has no manifest for ${architecture}`);
}

function check({ bytes }: Answer, { digest, size }: Descriptor): void {
  const expected: Digest | null = parseDigest(digest);
  if (expected && digestOf(bytes) === expected && bytes.length === size) return;
  throw new Error(`content of ${digest} came with the digest ${digestOf(bytes)}`);
}
