import { type Accept, acceptAny } from "../oci/accept.ts";
import { parseContentRange } from "../oci/byte-range.ts";
import { algorithmOf, type Digest, digestOf, parseDigest } from "../oci/digest.ts";
import { looksLikeManifest, type Manifest, manifestLimitBytes } from "../oci/manifest.ts";
import type { Reference } from "../oci/reference.ts";
import { type Referrer, referrersIn } from "../oci/referrer.ts";
import type { Page } from "../oci/route.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { AnswerBody, CollectLimits } from "./answer-body.ts";
import { blobAsk, manifestAsk, referrersAsk, tagsAsk } from "./asks.ts";
import type { Ask } from "./endpoint.ts";
import { Endpoints, type EndpointsOptions } from "./endpoints.ts";
import type { Answer } from "./exchange.ts";
import { failureFrom } from "./failure.ts";
import { mediaTypeOf } from "./media-type.ts";
import { nextQuery } from "./next-link.ts";
import type { Place } from "./place.ts";
import { nextPage, type TagList, tagsIn } from "./tag-list.ts";
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

// A list of referrers in pages is taken whole, for its pages cannot be filtered one by one; an image has some ten.
const referrerPagesLimit = 20;

// The spec says 404 where there is no referrers API; registries without it say these as well.
const noReferrersApi = new Set([400, 404, 405, 406, 501]);

export interface UpstreamOptions extends Omit<EndpointsOptions, "upstream"> {
  readonly name: string;
  /** The same upstream, asked as nobody: only what that shows may be served. null where our own right decides. */
  readonly publicView: Upstream | null;
}

/**
 * A registry we pull from: answers in the spec's terms over its endpoints. null always means that upstream says there is
 * none (404); everything else that is no answer rejects with UpstreamError.
 */
export class Upstream implements AsyncDisposable {
  readonly name: string;
  readonly publicView: Upstream | null;
  readonly #endpoints: Endpoints;
  readonly #metrics: Metrics;

  constructor({ name, publicView, ...options }: UpstreamOptions) {
    this.name = name;
    this.publicView = publicView;
    this.#endpoints = new Endpoints({ upstream: name, ...options });
    this.#metrics = options.metrics;
  }

  /**
   * Asks what a reference means; unlike a GET it does not count as a pull. `digest` is null when upstream
   * does not say, or has no HEAD. `accept` is what a client takes that does not take what others do.
   */
  async headManifest(
    place: Place,
    reference: Reference,
    accept: Accept = acceptAny,
  ): Promise<{ readonly digest: Digest | null } | null> {
    const answer = await this.#endpoints.ask(manifestAsk("HEAD", place, { reference, accept }));
    answer.body.discard();
    if (answer.status === 404) return null;
    if (answer.status === 405 || answer.status === 501) return { digest: null };
    if (answer.status !== 200) throw await this.#endpoints.refusal(answer);
    const header = answer.headers["docker-content-digest"];
    return { digest: typeof header === "string" ? parseDigest(header) : null };
  }

  /**
   * Whether upstream shows the manifest. Only an answer that names a digest is taken for a yes: a registry without HEAD
   * says 405 to what it has not, and a page to log in comes with status 200.
   */
  async hasManifest(place: Place, reference: Reference): Promise<boolean> {
    const head = await this.headManifest(place, reference);
    if (!head) return false;
    const expected = reference.kind === "digest" ? reference.digest : head.digest;
    if (head.digest !== null && head.digest === expected) return true;
    return (await this.getManifest(place, reference)) !== null;
  }

  /** The manifest's exact bytes. By digest they are checked against it; by tag it is computed from them. */
  async getManifest(
    place: Place,
    reference: Reference,
    accept: Accept = acceptAny,
  ): Promise<Manifest | null> {
    const answer = await this.#get(manifestAsk("GET", place, { reference, accept }));
    if (!answer) return null;
    const bytes = await this.#collect(answer.body, manifestLimits);
    const digest = this.#digestOf(bytes, reference);
    const mediaType = mediaTypeOf(answer.headers, bytes);
    if (mediaType.kind === "nonsense") throw this.#error(mediaType);
    if (reference.kind === "tag" && !looksLikeManifest(bytes)) {
      throw this.#nonsense("what it sent for a tag is no JSON object");
    }
    return { digest, mediaType: mediaType.name, bytes };
  }

  /** Whether the repository holds the blob, and its size as far as upstream says; null if it does not. */
  async headBlob(
    place: Place,
    digest: Digest,
  ): Promise<{ readonly sizeBytes: number | null } | null> {
    const answer = await this.#endpoints.ask(blobAsk("HEAD", place, digest, {}));
    answer.body.discard();
    if (answer.status === 404) return null;
    if (answer.status === 200) return this.#describedBlob(answer);
    // The registry's own word. To ask again would take longer than the GET of a blob that was never here, and tell that
    // this one is.
    if (isRefusal(answer)) throw await this.#endpoints.refusal(answer);
    return await this.#probeBlob(place, digest);
  }

  /** The blob from its beginning. Aborting `signal` ends it, whether it has begun or not. */
  async getBlob(place: Place, digest: Digest, signal: AbortSignal): Promise<UpstreamBlob | null> {
    const answer = await this.#get({ ...blobAsk("GET", place, digest, {}), signal });
    return answer && this.#blobOf(answer.body, 0, contentLength(answer));
  }

  /**
   * The blob from `startBytes` on, or from its beginning if upstream does not do ranges: `startBytes` of the result
   * says which. A part that begins or ends elsewhere rejects as nonsense.
   */
  async getBlobFrom(
    place: Place,
    digest: Digest,
    startBytes: number,
    signal: AbortSignal,
  ): Promise<UpstreamBlob | null> {
    const ask = blobAsk("GET", place, digest, { range: `bytes=${startBytes}-` });
    const answer = await this.#endpoints.ask({ ...ask, signal });
    if (answer.status === 200) return this.#blobOf(answer.body, 0, contentLength(answer));
    if (answer.status === 206) return this.#partOf(answer, startBytes);
    if (answer.status !== 404) throw await this.#endpoints.refusal(answer);
    answer.body.discard();
    return null;
  }

  /** One page of the tags, as upstream orders and cuts them. */
  async listTags(place: Place, page: Page): Promise<TagList | null> {
    const answer = await this.#get(tagsAsk(place, page));
    if (!answer) return null;
    const bytes = await this.#collect(answer.body, listLimits);
    const tags = tagsIn(bytes);
    if (tags) return { bytes, tags, next: nextPage(answer.headers["link"]) };
    throw this.#nonsense("the list of tags is no JSON with tags");
  }

  /** Whether upstream shows a list of tags with something on it: some show an empty one of what they hide. */
  async hasTags(place: Place): Promise<boolean> {
    const list = await this.listTags(place, { n: "1", last: null, token: null });
    return list !== null && list.tags.length > 0;
  }

  /**
   * What refers to `subject`, all of it or what is of `artifactType`, as upstream chooses; null if it has no such list,
   * and then it may keep one under a tag.
   */
  async listReferrers(
    place: Place,
    subject: Digest,
    artifactType: string | null,
  ): Promise<readonly Referrer[] | null> {
    const found: Referrer[] = [];
    let query: URLSearchParams | null = new URLSearchParams(
      artifactType === null ? {} : { artifactType },
    );
    for (let page = 0; query && page < referrerPagesLimit; page++) {
      const answer: Answer = await this.#endpoints.ask(referrersAsk(place, subject, `${query}`));
      if (page === 0 && noReferrersApi.has(answer.status)) {
        answer.body.discard();
        return null;
      }
      if (answer.status !== 200) throw await this.#endpoints.refusal(answer);
      const referrers = referrersIn(await this.#collect(answer.body, listLimits));
      if (!referrers) throw this.#nonsense("referrers in no image index");
      found.push(...referrers);
      query = nextQuery(answer.headers["link"]);
    }
    // A part of the list would say that there is no more: an image might pass for one that nobody signed.
    if (query) throw this.#nonsense(`referrers in more than ${referrerPagesLimit} pages`);
    return found;
  }

  /** Lets what runs end, fills included, and keeps nothing for later. */
  async retire(): Promise<void> {
    await Promise.all([this.#endpoints.retire(), this.publicView?.retire()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.publicView?.[Symbol.asyncDispose]();
    await this.#endpoints[Symbol.asyncDispose]();
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
    throw this.#nonsense(`asked for the bytes from ${startBytes} it sent others`);
  }

  // Storage behind a redirect often signs URLs for GET only (ghcr's does), and some registries have no HEAD.
  async #probeBlob(place: Place, digest: Digest): Promise<{ sizeBytes: number | null } | null> {
    const answer = await this.#endpoints.ask(blobAsk("GET", place, digest, { range: "bytes=0-0" }));
    if (answer.status === 200 || answer.status === 206) answer.body.drop();
    if (answer.status === 200) return this.#describedBlob(answer);
    if (answer.status === 206) {
      return { sizeBytes: parseContentRange(answer.headers["content-range"])?.sizeBytes ?? null };
    }
    // A range of nothing cannot be satisfied: the blob is there and empty.
    if (answer.status === 416) return { sizeBytes: 0 };
    if (answer.status !== 404) throw await this.#endpoints.refusal(answer);
    answer.body.discard();
    return null;
  }

  // Who is not logged in is sent to a page by some proxies before registries, and that comes with status 200 too.
  #describedBlob(answer: Answer): { sizeBytes: number | null } {
    if (!/^text\/html\b/i.test(answer.headers["content-type"] ?? "")) {
      return { sizeBytes: contentLength(answer) };
    }
    throw this.#error({ kind: "nonsense", reason: "asked about a blob it sent a page" });
  }

  /** The 200 answer, or null for a 404. */
  async #get(ask: Ask): Promise<Answer | null> {
    const answer = await this.#endpoints.ask(ask);
    if (answer.status === 200) return answer;
    if (answer.status !== 404) throw await this.#endpoints.refusal(answer);
    answer.body.discard();
    return null;
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
    throw this.#nonsense(`asked for ${reference.digest} it sent ${digest}`);
  }

  #nonsense(reason: string): UpstreamError {
    return this.#error({ kind: "nonsense", reason });
  }

  #error(failure: UpstreamFailure, cause?: unknown): UpstreamError {
    return new UpstreamError(this.name, failure, { cause });
  }
}

// By the registry itself: storage that it redirects to may refuse a HEAD because the URL is signed for GET.
function isRefusal({ status, redirected }: Answer): boolean {
  return !redirected && (status === 401 || status === 403);
}

function contentLength({ headers }: Answer): number | null {
  const text = headers["content-length"];
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : null;
}
