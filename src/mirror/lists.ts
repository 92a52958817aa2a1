import { acceptAny } from "../oci/accept.ts";
import { algorithmOf, type Digest, hexOf } from "../oci/digest.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import { parseTag, type Tag } from "../oci/reference.ts";
import { type Referrer, referrerOf, referrersIn } from "../oci/referrer.ts";
import type { Page } from "../oci/route.ts";
import type { Location } from "../storage/catalog.ts";
import type { TagList } from "../upstream/tag-list.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Target } from "../upstream/upstreams.ts";
import { countOf, firstPage, type NamesPage, pageLimit, pageOutOf } from "./pages.ts";
import type { PullOutcome } from "./pull-outcome.ts";
import { locationOf } from "./rights/grants.ts";
import type { PullRights } from "./rights/pull-rights.ts";
import type { StorageTools } from "./storage-tools.ts";
import type { StoredContent } from "./stored-content.ts";
import type { Rules } from "./tags/rules.ts";
import type { Tags } from "./tags/tags.ts";
import { nameUnknown } from "./unknown.ts";

export interface ListTools {
  readonly storage: StorageTools;
  readonly stored: StoredContent;
  readonly rights: PullRights;
  readonly rules: () => Rules;
  /** For referrers that upstream keeps under a tag. */
  readonly tags: Tags;
}

/** A page of tags; null as its outcome says that it is upstream's own, of this moment. */
export interface TagsPull {
  readonly outcome: PullOutcome | null;
  /** The JSON document. */
  readonly bytes: Buffer;
  /** Where the next page begins; null on the last one. */
  readonly next: Page | null;
}

export interface ReferrersPull {
  readonly outcome: PullOutcome | null;
  readonly referrers: readonly Referrer[];
}

/** An upstream whose repositories are listed, and what stands before their names. */
export interface Listed extends Pick<Target, "upstream" | "login"> {
  /** "" or `HOST/`. */
  readonly prefix: string;
}

export interface RepositoriesAsked {
  readonly upstreams: readonly Listed[];
  /** Whether the caller may pull from it, as far as the mirror's own rules go. */
  readonly mayPull: (location: Location) => boolean;
}

/** Lists: upstream's own while it answers, of what is cached when it does not. */
export class Lists {
  readonly #tools: ListTools;

  constructor(tools: ListTools) {
    this.#tools = tools;
  }

  async tags(target: Target, page: Page): Promise<TagsPull> {
    try {
      using _waiting = target.upstream.crowd.enter();
      const list = await target.upstream.listTags(target, page);
      if (list) return listedBy(target, list, page);
    } catch (error) {
      return await this.#cachedTags(target, page, error);
    }
    throw nameUnknown(target);
  }

  /** All that refers to `subject`, or what of it is of `artifactType`. */
  async referrers(
    target: Target,
    subject: Digest,
    artifactType: string | null,
  ): Promise<ReferrersPull> {
    const isAsked = (one: Referrer): boolean =>
      artifactType === null || one.artifactType === artifactType;
    try {
      const { outcome, referrers } = await this.#currentReferrers(target, subject, artifactType);
      return { outcome, referrers: referrers.filter(isAsked) };
    } catch (error) {
      if (!isTrouble(error)) throw error;
      const referrers = (await this.#cachedReferrers(target, subject)).filter(isAsked);
      // No list at all would say that there are none, and an image would count as unsigned.
      if (referrers.length === 0) throw error;
      return { outcome: cachedBecause(error), referrers };
    }
  }

  /** One page of the repositories of which something is cached and which may be shown to the login, in byte order. */
  async repositories({ upstreams, mayPull }: RepositoriesAsked, page: Page): Promise<NamesPage> {
    const count = countOf(page);
    const lists = upstreams.map((listed) =>
      this.#namesOf({ ...listed, mayPull }, page.last ?? "", count + 1),
    );
    return firstPage((await Promise.all(lists)).flat().sort(byBytes), page, count);
  }

  /** The first `count` names behind `last`. */
  async #namesOf(
    listed: Listed & Pick<RepositoriesAsked, "mayPull">,
    last: string,
    count: number,
  ): Promise<string[]> {
    const { upstream, prefix, mayPull } = listed;
    const { storage, rights } = this.#tools;
    const rules = this.#tools.rules();
    const names: string[] = [];
    let after = last.startsWith(prefix) ? last.slice(prefix.length) : "";
    if (!last.startsWith(prefix) && byBytes(last, prefix) > 0) return [];
    for (let more = true; more && names.length < count; ) {
      const cached = await storage.catalog.repositories(upstream.name, after, pageLimit);
      for (const repository of cached) {
        const location = { upstream: upstream.name, repository };
        const isDenied = rules.ruling(location, null).denial !== null;
        const isListed =
          !isDenied &&
          mayPull(location) &&
          (await rights.isListed(listed, location, rules.general));
        if (isListed && names.length < count) names.push(prefix + repository);
        after = repository;
      }
      more = cached.length === pageLimit;
    }
    return names;
  }

  async #cachedTags(target: Target, page: Page, error: unknown): Promise<TagsPull> {
    // Where a token leads only upstream knows.
    if (!isTrouble(error) || page.token !== null) throw error;
    const { catalog } = this.#tools.storage;
    const location = locationOf(target);
    const count = countOf(page);
    const tags = await catalog.tags(location, page.last, count + 1);
    // An empty page is the end of a list; where nothing is known there is no list to be at the end of.
    if (tags.length === 0 && (await catalog.tags(location, null, 1)).length === 0) throw error;
    return { outcome: cachedBecause(error), ...documentOf(target, firstPage(tags, page, count)) };
  }

  /** Of all types, where upstream does not choose. */
  async #currentReferrers(
    target: Target,
    subject: Digest,
    artifactType: string | null,
  ): Promise<ReferrersPull> {
    const listed = await this.#listedReferrers(target, subject, artifactType);
    return listed
      ? { outcome: null, referrers: listed }
      : await this.#taggedReferrers(target, subject);
  }

  async #listedReferrers(
    { upstream, ...place }: Target,
    subject: Digest,
    artifactType: string | null,
  ): Promise<readonly Referrer[] | null> {
    using _waiting = upstream.crowd.enter();
    return await upstream.listReferrers(place, subject, artifactType);
  }

  /** Distribution spec 1.1, "Referrers Tag Schema": what clients maintain where there is no referrers API. */
  async #taggedReferrers(target: Target, subject: Digest): Promise<ReferrersPull> {
    try {
      const { outcome, manifest } = await this.#tools.tags.pull(
        target,
        referrersTag(subject),
        acceptAny,
      );
      return { outcome, referrers: referrersIn(manifest.bytes) ?? [] };
    } catch (error) {
      if (error instanceof DistributionError && error.code === "MANIFEST_UNKNOWN") {
        return { outcome: null, referrers: [] };
      }
      throw error;
    }
  }

  async #cachedReferrers(target: Target, subject: Digest): Promise<readonly Referrer[]> {
    const { storage, stored } = this.#tools;
    const { catalog } = storage;
    const found = new Map<Digest, Referrer>();
    const tag = await catalog.tag(locationOf(target), referrersTag(subject), "");
    const index = tag && (await stored.manifest(tag.digest));
    for (const referrer of (index && referrersIn(index.bytes)) ?? []) {
      found.set(referrer.digest, referrer);
    }
    for (const digest of await catalog.referrers(locationOf(target), subject, pageLimit)) {
      const manifest = await stored.manifest(digest);
      if (manifest) found.set(digest, referrerOf(manifest));
    }
    return [...found.values()];
  }
}

function listedBy(target: Target, list: TagList, page: Page): TagsPull {
  const cut = pageOutOf(list, page);
  return { outcome: null, ...(cut ? documentOf(target, cut) : list) };
}

/** Distribution spec 1.1, "Listing Tags". */
function documentOf({ repository }: Target, { names, next }: NamesPage): Omit<TagsPull, "outcome"> {
  return { bytes: Buffer.from(JSON.stringify({ name: repository, tags: names })), next };
}

/** Whether upstream gave no answer: a refusal is one. */
function isTrouble(error: unknown): error is UpstreamError {
  return error instanceof UpstreamError && error.failure.kind !== "refused";
}

function cachedBecause(error: UpstreamError): PullOutcome {
  return { kind: "stale", tag: null, reason: error.message };
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}

/** Distribution spec 1.1, "Referrers Tag Schema": the encoded part is cut so that a tag holds it. */
function referrersTag(subject: Digest): Tag {
  const tag = parseTag(`${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`);
  if (!tag) throw new Error(`${subject} makes no tag`);
  return tag;
}
