import { parseContentRange } from "../oci/byte-range.ts";
import { algorithmOf, type Digest, digestOf, parseDigest } from "../oci/digest.ts";
import { looksLikeManifest, type Manifest, manifestLimitBytes } from "../oci/manifest.ts";
import type { Reference } from "../oci/reference.ts";
import { type Referrer, referrersIn } from "../oci/referrer.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { AnswerBody, CollectLimits } from "./exchange/answer-body.ts";
import type { Batch } from "./exchange/batch.ts";
import type { Answer } from "./exchange/exchange.ts";
import { failureFrom, refusalFrom } from "./failure.ts";
import { mediaTypeOf } from "./media-type.ts";
import { nextQuery } from "./next-link.ts";
import { isPart, type WantedPart, type Whence, whenceOf } from "./part-of-blob.ts";
import { nextPage, type TagList, tagsIn } from "./tag-list.ts";
import { toldAgeMs } from "./told-age.ts";
import { cacheStatusOf } from "./told-cache-status.ts";
import { UpstreamError, type UpstreamFailure } from "./upstream-error.ts";

/** With what the caches before us said of it: `ToldCacheStatus.text`. */
export interface UpstreamManifest extends Manifest {
  readonly cacheStatus: string | null;
  /** By tag: how long ago those caches have checked it, in ms; 0 by digest. */
  readonly ageMs: number;
}

/** What HEAD tells of a manifest. */
export interface DescribedManifest {
  /** null when upstream does not say, or has no HEAD. */
  readonly digest: Digest | null;
  /** As of `UpstreamManifest`. */
  readonly cacheStatus: string | null;
  readonly ageMs: number;
}

/** Who gave an answer, as far as those who asked need to know: whom to blame, and whom not to ask next. */
export interface Answerer {
  /** The answer went wrong after it had begun. */
  noteFailure(failure: UpstreamFailure): void;
  /** It was whole, and not what was asked for. */
  noteWrongBytes(): void;
}

/** A blob on its way; it must be taken to its end or dropped. */
export interface UpstreamBlob {
  /** Of the whole blob; null if upstream does not say. A hint until the digest is verified. */
  readonly sizeBytes: number | null;
  /** Where in the blob the body begins. */
  readonly startBytes: number;
  /** As of `UpstreamManifest`. */
  readonly cacheStatus: string | null;
  readonly answerer: Answerer;
  /** null if it does not say that parts of the blob may be asked for. */
  readonly whence: Whence | null;
  /** The bytes that have come since the last call, or null at the end. Rejects with UpstreamError. */
  next(): Promise<Batch | null>;
  drop(): void;
}

/** Of a blob that is gone on with, from where, and the size of the whole; null if that is not known. */
export interface BlobRest {
  readonly startBytes: number;
  readonly sizeBytes: number | null;
  /** Where what is wanted ends; null for the end of the blob. */
  readonly endBytes: number | null;
}

/** A size as far as upstream says. */
export interface DescribedBlob {
  readonly sizeBytes: number | null;
  /** As of `UpstreamManifest`. */
  readonly cacheStatus: string | null;
}

export interface ReferrersPage {
  readonly referrers: readonly Referrer[];
  /** The query of the next page; null on the last one. */
  readonly next: URLSearchParams | null;
}

// A manifest of the largest size over 2 Mbit/s; containerd gives up on a header after 30 s.
const manifestLimits: CollectLimits = { limitBytes: manifestLimitBytes, deadlineMs: 20_000 };
const listLimits: CollectLimits = { limitBytes: 4 * 1024 * 1024, deadlineMs: 20_000 };

// The spec says 404 where there is no referrers API; registries without it say these as well.
const noReferrersApi = new Set([400, 404, 405, 406, 501]);

/**
 * What an upstream's answers say in the spec's terms. Each method takes the body or lets it go; null means "not found".
 * What is no answer to the question rejects with UpstreamError.
 */
export class Answers {
  readonly #upstream: string;
  readonly #metrics: Metrics;

  constructor(upstream: string, metrics: Metrics) {
    this.#upstream = upstream;
    this.#metrics = metrics;
  }

  async described(answer: Answer): Promise<DescribedManifest | null> {
    const { status } = answer;
    const told = { cacheStatus: cacheStatusOf(answer), ageMs: toldAgeMs(answer) };
    if (status === 405 || status === 501) {
      return this.#discarded(answer, { digest: null, ...told });
    }
    if (!(await this.#isFound(answer))) return null;
    const header = answer.headers["docker-content-digest"];
    const digest = typeof header === "string" ? parseDigest(header) : null;
    return this.#discarded(answer, { digest, ...told });
  }

  /** The manifest's exact bytes. By digest they are checked against it; by tag it is computed from them. */
  async manifest(answer: Answer, reference: Reference): Promise<UpstreamManifest | null> {
    if (!(await this.#isFound(answer))) return null;
    const bytes = await this.#collect(answer.body, manifestLimits);
    const digest = this.#digestOf(bytes, reference);
    const mediaType = mediaTypeOf(answer.headers, bytes);
    if (mediaType.kind === "nonsense") throw this.#error(mediaType);
    if (reference.kind === "tag" && !looksLikeManifest(bytes)) {
      throw this.#nonsense("what it sent for a tag is no JSON object");
    }
    const ageMs = reference.kind === "tag" ? toldAgeMs(answer) : 0;
    const told = { cacheStatus: cacheStatusOf(answer), ageMs };
    return { digest, mediaType: mediaType.name, bytes, ...told };
  }

  /** "unclear" where a HEAD says nothing about the blob: it may be had all the same. */
  async describedBlob(answer: Answer): Promise<DescribedBlob | "unclear" | null> {
    answer.body.discard();
    if (answer.status === 404) return null;
    if (answer.status === 200) return this.#sizeOf(answer);
    // The registry's own word. To ask again would take longer than the GET of a blob that was never here, and tell that
    // this one is.
    if (isRefusal(answer)) throw await this.#refusal(answer);
    return "unclear";
  }

  /** As `describedBlob`, from the answer to a GET of its first byte. */
  async probedBlob(answer: Answer): Promise<DescribedBlob | null> {
    const cacheStatus = cacheStatusOf(answer);
    if (answer.status === 206) {
      answer.body.drop();
      const part = parseContentRange(answer.headers["content-range"]);
      return { sizeBytes: part?.sizeBytes ?? null, cacheStatus };
    }
    // A range of nothing cannot be satisfied: the blob is there and empty.
    if (answer.status === 416) return this.#discarded(answer, { sizeBytes: 0, cacheStatus });
    if (!(await this.#isFound(answer))) return null;
    answer.body.drop();
    return this.#sizeOf(answer);
  }

  /** The blob from its beginning. */
  async blob(answer: Answer, answerer: Answerer): Promise<UpstreamBlob | null> {
    if (!(await this.#isFound(answer))) return null;
    return this.#blobOf(answer, answerer, { startBytes: 0, sizeBytes: contentLength(answer) });
  }

  /** The part; null for anything else that is an answer, the whole blob and another one included. */
  async part(answer: Answer, answerer: Answerer, wanted: WantedPart): Promise<UpstreamBlob | null> {
    const { range, sizeBytes } = wanted;
    if (isPart(answer, wanted)) {
      return this.#blobOf(answer, answerer, { startBytes: range.first, sizeBytes });
    }
    const isOther = [200, 206, 404, 416].includes(answer.status);
    if (!isOther) throw await this.#refusal(answer);
    return this.#discarded(answer, null);
  }

  /**
   * The blob from `startBytes` on, or from its beginning if upstream does not do ranges: `startBytes` of the result
   * says which. Rejects as nonsense a part that begins or ends elsewhere, and what cannot be the rest of the blob that
   * had `sizeBytes`, such as nothing.
   */
  async blobFrom(answer: Answer, answerer: Answerer, rest: BlobRest): Promise<UpstreamBlob> {
    const blob =
      answer.status === 206
        ? this.#partOf(answer, answerer, rest)
        : await this.blob(answer, answerer);
    if (!blob) throw this.#nonsense("the blob is gone in the middle of its download");
    const { sizeBytes } = rest;
    if (sizeBytes === null || blob.sizeBytes === null || blob.sizeBytes === sizeBytes) return blob;
    blob.drop();
    throw this.#nonsense(`the blob had ${sizeBytes} bytes, and then ${blob.sizeBytes}`);
  }

  /** One page of the tags, as upstream orders and cuts them. */
  async tags(answer: Answer): Promise<TagList | null> {
    if (!(await this.#isFound(answer))) return null;
    const bytes = await this.#collect(answer.body, listLimits);
    const tags = tagsIn(bytes);
    if (tags) return { bytes, tags, next: nextPage(answer.headers["link"]) };
    throw this.#nonsense("the list of tags is no JSON with tags");
  }

  /** "none" where there is no referrers API. */
  async referrers(answer: Answer): Promise<ReferrersPage | "none"> {
    if (noReferrersApi.has(answer.status)) return this.#discarded(answer, "none");
    if (answer.status !== 200) throw await this.#refusal(answer);
    const referrers = referrersIn(await this.#collect(answer.body, listLimits));
    if (!referrers) throw this.#nonsense("referrers in no image index");
    return { referrers, next: nextQuery(answer.headers["link"]) };
  }

  #partOf(answer: Answer, answerer: Answerer, { startBytes, endBytes }: BlobRest): UpstreamBlob {
    const part = parseContentRange(answer.headers["content-range"]);
    const behindBytes = endBytes ?? part?.sizeBytes ?? null;
    if (part?.first === startBytes && (behindBytes === null || part.last === behindBytes - 1)) {
      const { sizeBytes } = part;
      return this.#blobOf(answer, answerer, { startBytes, sizeBytes });
    }
    answer.body.drop();
    throw this.#nonsense(`asked for the bytes from ${startBytes} it sent others`);
  }

  async #isFound(answer: Answer): Promise<boolean> {
    if (answer.status === 200) return true;
    if (answer.status !== 404) throw await this.#refusal(answer);
    return this.#discarded(answer, false);
  }

  #discarded<T>({ body }: Answer, said: T): T {
    body.discard();
    return said;
  }

  // Who is not logged in is sent to a page by some proxies before registries, and that comes with status 200 too.
  #sizeOf(answer: Answer): DescribedBlob {
    if (!/^text\/html\b/i.test(answer.headers["content-type"] ?? "")) {
      return { sizeBytes: contentLength(answer), cacheStatus: cacheStatusOf(answer) };
    }
    throw this.#nonsense("asked about a blob it sent a page");
  }

  #blobOf(
    answer: Answer,
    answerer: Answerer,
    where: Pick<UpstreamBlob, "startBytes" | "sizeBytes">,
  ): UpstreamBlob {
    const { body } = answer;
    const cacheStatus = cacheStatusOf(answer);
    const next = (): Promise<Batch | null> => this.#next(body, answerer);
    const whence = whenceOf(answer, answerer);
    return { ...where, answerer, whence, cacheStatus, next, drop: () => body.drop() };
  }

  async #collect(body: AnswerBody, limits: CollectLimits): Promise<Buffer> {
    const bytes = await body.collect(limits).catch((error: unknown) => {
      throw this.#error(failureFrom(error, "body"), error);
    });
    if (!bytes) throw this.#error({ kind: "too-large", limitBytes: limits.limitBytes });
    this.#metrics.upstreamReceivedBytes.inc({ upstream: this.#upstream }, bytes.length);
    return bytes;
  }

  async #next(body: AnswerBody, answerer: Answerer): Promise<Batch | null> {
    const batch = await body.next().catch((error: unknown) => {
      const failure = failureFrom(error, "body");
      if (!body.dropped) answerer.noteFailure(failure);
      throw this.#error(failure, error);
    });
    this.#metrics.upstreamReceivedBytes.inc({ upstream: this.#upstream }, batch?.sizeBytes ?? 0);
    return batch;
  }

  #digestOf(bytes: Buffer, reference: Reference): Digest {
    if (reference.kind === "tag") return digestOf(bytes);
    const digest = digestOf(bytes, algorithmOf(reference.digest));
    if (digest === reference.digest) return digest;
    this.#metrics.digestMismatches.inc({ upstream: this.#upstream });
    throw this.#nonsense(`asked for ${reference.digest} it sent ${digest}`);
  }

  async #refusal(answer: Answer): Promise<UpstreamError> {
    return this.#error(await refusalFrom(answer));
  }

  #nonsense(reason: string): UpstreamError {
    return this.#error({ kind: "nonsense", reason });
  }

  #error(failure: UpstreamFailure, cause?: unknown): UpstreamError {
    return new UpstreamError(this.#upstream, failure, { cause });
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
