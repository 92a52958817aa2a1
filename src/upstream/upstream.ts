import { parseContentRange } from "../oci/byte-range.ts";
import { algorithmOf, type Digest, digestOf, parseDigest } from "../oci/digest.ts";
import { type Manifest, manifestLimitBytes } from "../oci/manifest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Repository } from "../oci/repository.ts";
import type { Page } from "../oci/route.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { AnswerBody, CollectLimits } from "./answer-body.ts";
import { blobAsk, manifestAsk, tagsAsk } from "./asks.ts";
import type { Ask, Endpoint } from "./endpoint.ts";
import type { Answer } from "./exchange.ts";
import { failureFrom, isBrokenSocket, refusalFrom } from "./failure.ts";
import { mediaTypeOf } from "./media-type.ts";
import { isTagList, nextPage, type TagList } from "./tag-list.ts";
import { UpstreamError, type UpstreamFailure } from "./upstream-error.ts";

/** A blob on its way; it must be taken to its end or dropped. */
export interface UpstreamBlob {
  /** Of the whole blob; null if upstream does not say. A hint until the digest is verified. */
  readonly sizeBytes: number | null;
  /** Where in the blob the body begins. */
  readonly startBytes: number;
  /** The bytes that have come since the last call, or null at the end. Rejects with UpstreamError. */
  next(): Promise<readonly Buffer[] | null>;
  drop(): void;
}

// A manifest of the largest size over 2 Mbit/s; containerd gives up on a header after 30 s.
const manifestLimits: CollectLimits = { limitBytes: manifestLimitBytes, deadlineMs: 20_000 };
const listLimits: CollectLimits = { limitBytes: 4 * 1024 * 1024, deadlineMs: 20_000 };

/**
 * A registry we pull from: answers in the spec's terms over its endpoints, tried in order. null always means
 * that upstream says there is none (404); everything else that is no answer rejects with UpstreamError.
 */
export class Upstream implements AsyncDisposable {
  readonly name: string;
  readonly #endpoints: readonly Endpoint[];
  readonly #metrics: Metrics;

  constructor(name: string, endpoints: readonly Endpoint[], metrics: Metrics) {
    this.name = name;
    this.#endpoints = endpoints;
    this.#metrics = metrics;
  }

  /**
   * Asks what a reference means; unlike a GET it does not count as a pull. `digest` is null when upstream
   * does not say, or has no HEAD.
   */
  async headManifest(
    repository: Repository,
    reference: Reference,
  ): Promise<{ readonly digest: Digest | null } | null> {
    const answer = await this.#ask(manifestAsk("HEAD", repository, reference));
    answer.body.discard();
    if (answer.status === 404) return null;
    if (answer.status === 405) return { digest: null };
    if (answer.status !== 200) throw this.#error(await refusalFrom(answer));
    const header = answer.headers["docker-content-digest"];
    return { digest: typeof header === "string" ? parseDigest(header) : null };
  }

  /** The manifest's exact bytes. By digest they are checked against it; by tag it is computed from them. */
  async getManifest(repository: Repository, reference: Reference): Promise<Manifest | null> {
    const answer = await this.#get(manifestAsk("GET", repository, reference));
    if (!answer) return null;
    const bytes = await this.#collect(answer.body, manifestLimits);
    const digest = this.#digestOf(bytes, reference);
    const mediaType = mediaTypeOf(answer.headers, bytes);
    if (mediaType.kind === "nonsense") throw this.#error(mediaType);
    return { digest, mediaType: mediaType.name, bytes };
  }

  /** Whether the repository holds the blob, and its size as far as upstream says. */
  async headBlob(
    repository: Repository,
    digest: Digest,
  ): Promise<{ readonly sizeBytes: number | null } | null> {
    const answer = await this.#ask(blobAsk("HEAD", repository, digest, {}));
    answer.body.discard();
    if (answer.status === 404) return null;
    if (answer.status === 200) return { sizeBytes: contentLength(answer) };
    return await this.#probeBlob(repository, digest);
  }

  /** The blob from its beginning. Aborting `signal` ends it, whether it has begun or not. */
  async getBlob(
    repository: Repository,
    digest: Digest,
    signal: AbortSignal,
  ): Promise<UpstreamBlob | null> {
    const answer = await this.#get({ ...blobAsk("GET", repository, digest, {}), signal });
    return answer && this.#blobOf(answer.body, 0, contentLength(answer));
  }

  /**
   * The blob from `startBytes` on, or from its beginning if upstream does not do ranges: `startBytes` of the result
   * says which. A part that begins or ends elsewhere rejects as nonsense.
   */
  async getBlobFrom(
    repository: Repository,
    digest: Digest,
    startBytes: number,
    signal: AbortSignal,
  ): Promise<UpstreamBlob | null> {
    const ask = blobAsk("GET", repository, digest, { range: `bytes=${startBytes}-` });
    const answer = await this.#ask({ ...ask, signal });
    if (answer.status === 200) return this.#blobOf(answer.body, 0, contentLength(answer));
    if (answer.status === 206) return this.#partOf(answer, startBytes);
    if (answer.status !== 404) throw this.#error(await refusalFrom(answer));
    answer.body.discard();
    return null;
  }

  /** One page of the tags, as upstream orders and cuts them. */
  async listTags(repository: Repository, page: Page): Promise<TagList | null> {
    const answer = await this.#get(tagsAsk(repository, page));
    if (!answer) return null;
    const bytes = await this.#collect(answer.body, listLimits);
    if (isTagList(bytes)) return { bytes, next: nextPage(answer.headers["link"]) };
    throw this.#error({ kind: "nonsense", reason: "the list of tags is no JSON with tags" });
  }

  /** Lets what runs end, fills included, and takes no more requests. */
  async retire(): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint.retire()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#endpoints.map((endpoint) => endpoint[Symbol.asyncDispose]()));
  }

  #blobOf(body: AnswerBody, startBytes: number, sizeBytes: number | null): UpstreamBlob {
    return { sizeBytes, startBytes, next: () => this.#next(body), drop: () => body.drop() };
  }

  #partOf({ headers, body }: Answer, startBytes: number): UpstreamBlob {
    const part = parseContentRange(headers["content-range"]);
    if (
      part?.first === startBytes &&
      (part.sizeBytes === null || part.last === part.sizeBytes - 1)
    ) {
      return this.#blobOf(body, startBytes, part.sizeBytes);
    }
    body.drop();
    const reason = `asked for the bytes from ${startBytes} it sent others`;
    throw this.#error({ kind: "nonsense", reason });
  }

  // Storage behind a redirect often signs URLs for GET only (ghcr's does), and some registries have no HEAD.
  async #probeBlob(
    repository: Repository,
    digest: Digest,
  ): Promise<{ sizeBytes: number | null } | null> {
    const answer = await this.#ask(blobAsk("GET", repository, digest, { range: "bytes=0-0" }));
    if (answer.status === 200 || answer.status === 206) answer.body.drop();
    if (answer.status === 200) return { sizeBytes: contentLength(answer) };
    if (answer.status === 206) {
      return { sizeBytes: parseContentRange(answer.headers["content-range"])?.sizeBytes ?? null };
    }
    // A range of nothing cannot be satisfied: the blob is there and empty.
    if (answer.status === 416) return { sizeBytes: 0 };
    if (answer.status !== 404) throw this.#error(await refusalFrom(answer));
    answer.body.discard();
    return null;
  }

  /** The 200 answer, or null for a 404. */
  async #get(ask: Ask): Promise<Answer | null> {
    const answer = await this.#ask(ask);
    if (answer.status === 200) return answer;
    if (answer.status !== 404) throw this.#error(await refusalFrom(answer));
    answer.body.discard();
    return null;
  }

  async #ask(ask: Ask): Promise<Answer> {
    const answer = await this.#askInOrder(ask);
    if (answer.status !== 404 || ask.trust === "unverified") return answer;
    // "Not found" is the one answer about a digest that no hash can check, and a kept socket may hold a stray one.
    answer.body.discard();
    return await this.#askInOrder({ ...ask, trust: "unverified" });
  }

  async #askInOrder(ask: Ask): Promise<Answer> {
    let failed: UpstreamError | null = null;
    for (const endpoint of this.#endpoints) {
      try {
        const answer = await askFreshIfBroken(endpoint, ask);
        this.#count(ask, String(answer.status));
        if (answer.status < 500) return answer;
        failed = this.#error(await refusalFrom(answer));
      } catch (error) {
        this.#count(ask, "failed");
        failed = this.#error(failureFrom(error, "header"), error);
      }
    }
    throw failed ?? this.#error({ kind: "unreachable", reason: "it has no endpoint" });
  }

  async #collect(body: AnswerBody, limits: CollectLimits): Promise<Buffer> {
    const bytes = await body.collect(limits).catch((error: unknown) => {
      throw this.#error(failureFrom(error, "body"), error);
    });
    if (!bytes) throw this.#error({ kind: "too-large", limitBytes: limits.limitBytes });
    this.#metrics.upstreamReceivedBytes.inc({ upstream: this.name }, bytes.length);
    return bytes;
  }

  async #next(body: AnswerBody): Promise<readonly Buffer[] | null> {
    const batch = await body.next().catch((error: unknown) => {
      throw this.#error(failureFrom(error, "body"), error);
    });
    const sizeBytes = batch?.reduce((sum, chunk) => sum + chunk.length, 0) ?? 0;
    this.#metrics.upstreamReceivedBytes.inc({ upstream: this.name }, sizeBytes);
    return batch;
  }

  #digestOf(bytes: Buffer, reference: Reference): Digest {
    if (reference.kind === "tag") return digestOf(bytes);
    const digest = digestOf(bytes, algorithmOf(reference.digest));
    if (digest === reference.digest) return digest;
    this.#metrics.digestMismatches.inc({ upstream: this.name });
    throw this.#error({
      kind: "nonsense",
      reason: `asked for ${reference.digest} it sent ${digest}`,
    });
  }

  #count({ kind }: Ask, status: string): void {
    this.#metrics.upstreamRequests.inc({ upstream: this.name, kind, status });
  }

  #error(failure: UpstreamFailure, cause?: unknown): UpstreamError {
    return new UpstreamError(this.name, failure, { cause });
  }
}

/** A kept socket that broke says nothing about the endpoint: a fresh one does. */
async function askFreshIfBroken(endpoint: Endpoint, ask: Ask): Promise<Answer> {
  try {
    return await endpoint.ask(ask);
  } catch (error) {
    if (ask.trust === "unverified" || !isBrokenSocket(error)) throw error;
    return await endpoint.ask({ ...ask, trust: "unverified" });
  }
}

function contentLength({ headers }: Answer): number | null {
  const text = headers["content-length"];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
