import { type Accept, acceptAny } from "../oci/accept.ts";
import type { Digest } from "../oci/digest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Referrer } from "../oci/referrer.ts";
import type { Page } from "../oci/route.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { ForwardedLogin } from "./accounts/forwarded-login.ts";
import {
  type Answerer,
  Answers,
  type BlobRest,
  type DescribedBlob,
  type DescribedManifest,
  type UpstreamBlob,
  type UpstreamManifest,
} from "./answers.ts";
import { blobAsk, manifestAsk, referrersAsk, tagsAsk } from "./asks.ts";
import type { Crowd } from "./crowd.ts";
import type { EndpointStatus } from "./endpoints/endpoint-status.ts";
import type { Down, Endpoints } from "./endpoints/endpoints.ts";
import type { Place } from "./exchange/place.ts";
import type { WantedPart } from "./part-of-blob.ts";
import type { TagList } from "./tag-list.ts";
import { UpstreamError } from "./upstream-error.ts";

// A list of referrers in pages is taken whole, for its pages cannot be filtered one by one; an image has some ten.
const referrerPagesLimit = 20;

export interface RestOfBlob extends BlobRest {
  readonly avoid: ReadonlySet<Answerer>;
  readonly signal: AbortSignal;
}

export interface AskedPart extends WantedPart {
  readonly signal: AbortSignal;
}

export interface UpstreamOptions {
  readonly name: string;
  readonly endpoints: Endpoints;
  readonly metrics: Metrics;
  /** The same upstream, asked as nobody: only what that shows may be served. null where our own right decides. */
  readonly publicView: Upstream | null;
  /** The same upstream, of the same endpoints, for those who have not logged in; null: as for everyone. */
  readonly forStrangers: Upstream | null;
  /** Whether it is the caller's login that decides: then every place has one. */
  readonly forwards: boolean;
  readonly crowd: Crowd;
  /** Over how many connections a large blob may be asked for. */
  readonly parallelFill: number;
}

/**
 * A registry we pull from: answers in the spec's terms over its endpoints. null always means that upstream says there is
 * none (404); everything else that is no answer rejects with UpstreamError.
 */
export class Upstream implements AsyncDisposable {
  readonly name: string;
  readonly publicView: Upstream | null;
  readonly forStrangers: Upstream;
  readonly forwards: boolean;
  /** The requests of clients that wait for it: whoever answers one enters before it waits. */
  readonly crowd: Crowd;
  readonly parallelFill: number;
  readonly #endpoints: Endpoints;
  readonly #answers: Answers;

  constructor(options: UpstreamOptions) {
    const { name, endpoints, metrics, publicView, forStrangers, forwards, crowd } = options;
    this.parallelFill = options.parallelFill;
    this.name = name;
    this.publicView = publicView;
    this.forStrangers = forStrangers ?? this;
    this.forwards = forwards;
    this.crowd = crowd;
    this.#endpoints = endpoints;
    this.#answers = new Answers(name, metrics);
  }

  /** Whether what we may still pull should be kept for what cannot be had otherwise. */
  get isScarce(): boolean {
    return this.#endpoints.isScarce;
  }

  /** Whether more than one connection may be taken for what comes over one as well. */
  get hasAmpleConnections(): boolean {
    return this.#endpoints.haveAmpleConnections;
  }

  /** null while there is an endpoint that answers, as far as is known. Else nobody need wait for one that has anything. */
  get down(): Down | null {
    return this.#endpoints.down;
  }

  /** Of its endpoints, in their order. */
  get statuses(): readonly EndpointStatus[] {
    return this.#endpoints.statuses;
  }

  /** Takes one of the retries that upstream may be burdened with, if there is one. */
  mayRetry(): boolean {
    return this.#endpoints.retries.take();
  }

  /**
   * Asks what a reference means; unlike a GET it does not count as a pull. `digest` is null when upstream
   * does not say, or has no HEAD. `accept` is what a client takes that does not take what others do.
   */
  async headManifest(
    place: Place,
    reference: Reference,
    accept: Accept = acceptAny,
  ): Promise<DescribedManifest | null> {
    const ask = manifestAsk("HEAD", place, { reference, accept });
    return await this.#endpoints.ask(ask, (answer) => this.#answers.described(answer));
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
  ): Promise<UpstreamManifest | null> {
    const ask = manifestAsk("GET", place, { reference, accept });
    return await this.#endpoints.ask(ask, (answer) => this.#answers.manifest(answer, reference));
  }

  /** Whether the repository holds the blob, and its size as far as upstream says; null if it does not. */
  async headBlob(place: Place, digest: Digest): Promise<DescribedBlob | null> {
    const head = await this.#endpoints.ask(blobAsk("HEAD", place, digest, {}), (answer) =>
      this.#answers.describedBlob(answer),
    );
    if (head !== "unclear") return head;
    // Storage behind a redirect often signs URLs for GET only (ghcr's does), and some registries have no HEAD.
    const ask = blobAsk("GET", place, digest, { range: "bytes=0-0" });
    return await this.#endpoints.ask(ask, (answer) => this.#answers.probedBlob(answer));
  }

  /** The blob from its beginning. Aborting `signal` ends it, whether it has begun or not. */
  async getBlob(place: Place, digest: Digest, signal: AbortSignal): Promise<UpstreamBlob | null> {
    const ask = { ...blobAsk("GET", place, digest, {}), signal };
    return await this.#endpoints.ask(ask, (answer, answerer) =>
      this.#answers.blob(answer, answerer),
    );
  }

  /**
   * A part of a blob, from where another part came; null if that sends no such part of the same. It is asked for through the
   * registry only if the registry itself answered, or storage that it redirected to does not send it any more.
   */
  async getPartOfBlob(
    place: Place,
    digest: Digest,
    { signal, ...wanted }: AskedPart,
  ): Promise<UpstreamBlob | null> {
    const { range, whence } = wanted;
    const headers = { range: `bytes=${range.first}-${range.last}` };
    const { answerer: only, hop } = whence;
    const ask = { ...blobAsk("GET", place, digest, headers), signal, only, hop };
    return await this.#endpoints.ask(ask, (answer, answerer) =>
      this.#answers.part(answer, answerer, wanted),
    );
  }

  /**
   * The blob from `rest.startBytes` on, or from its beginning if upstream does not do ranges: `startBytes` of the result
   * says which. Any endpoint may have it; those in `avoid` are asked last. What cannot be the rest rejects as nonsense.
   */
  async getRestOfBlob(
    place: Place,
    digest: Digest,
    { avoid, signal, ...rest }: RestOfBlob,
  ): Promise<UpstreamBlob> {
    const ask = { ...blobAsk("GET", place, digest, rangeHeader(rest)), signal, avoid };
    return await this.#endpoints.ask(ask, (answer, answerer) =>
      this.#answers.blobFrom(answer, answerer, rest),
    );
  }

  /** Whether the caller's credentials are right, as `docker login` finds out. Rejects with UpstreamError. */
  async accepts(login: ForwardedLogin): Promise<boolean> {
    return await this.#endpoints.accepts(login);
  }

  /** One page of the tags, as upstream orders and cuts them. */
  async listTags(place: Place, page: Page): Promise<TagList | null> {
    return await this.#endpoints.ask(tagsAsk(place, page), (answer) => this.#answers.tags(answer));
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
      const ask = referrersAsk(place, subject, `${query}`);
      const part = await this.#endpoints.ask(ask, (answer) => this.#answers.referrers(answer));
      if (part === "none" && page === 0) return null;
      if (part === "none") throw this.#nonsense("a page of referrers is missing");
      found.push(...part.referrers);
      query = part.next;
    }
    // A part of the list would say that there is no more: an image might pass for one that nobody signed.
    if (query) throw this.#nonsense(`referrers in more than ${referrerPagesLimit} pages`);
    return found;
  }

  /** Lets what runs end, fills included, and keeps nothing for later. */
  async retire(): Promise<void> {
    const views = [...this.#views].map((view) => view.retire());
    await Promise.all([this.#endpoints.retire(), ...views]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const view of this.#views) await view[Symbol.asyncDispose]();
    await this.#endpoints[Symbol.asyncDispose]();
  }

  /** What is asked as nobody. */
  get #views(): ReadonlySet<Upstream> {
    const views = [this.publicView, this.forStrangers.publicView];
    return new Set(views.flatMap((view) => view ?? []));
  }

  #nonsense(reason: string): UpstreamError {
    return new UpstreamError(this.name, { kind: "nonsense", reason });
  }
}

function rangeHeader({ startBytes, endBytes }: BlobRest): Record<string, string> {
  if (endBytes !== null) return { range: `bytes=${startBytes}-${endBytes - 1}` };
  return startBytes === 0 ? {} : { range: `bytes=${startBytes}-` };
}
