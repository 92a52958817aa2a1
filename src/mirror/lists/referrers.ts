import { acceptAny } from "../../oci/accept.ts";
import { algorithmOf, type Digest, hexOf } from "../../oci/digest.ts";
import { DistributionError } from "../../oci/distribution-error.ts";
import { parseTag, type Tag } from "../../oci/reference.ts";
import { type Referrer, referrerOf, referrersIn } from "../../oci/referrer.ts";
import type { Catalog } from "../../storage/catalog.ts";
import type { Target } from "../../upstream/upstreams.ts";
import type { PullOutcome } from "../pull-outcome.ts";
import { locationOf } from "../rights/grants.ts";
import type { StoredContent } from "../stored-content.ts";
import type { Tags } from "../tags/tags.ts";
import { pageLimit } from "./pages.ts";
import { standInFor } from "./stand-in.ts";

export interface ReferrersTools {
  readonly catalog: Catalog;
  readonly stored: StoredContent;
  /** For referrers that upstream keeps under a tag. */
  readonly tags: Tags;
}

/** `outcome` is null for a list that is upstream's own, of this moment. */
export interface ReferrersPull {
  readonly outcome: PullOutcome | null;
  readonly referrers: readonly Referrer[];
}

/** What refers to manifests: upstream's own lists while it answers, of what is cached when it does not. */
export class Referrers {
  readonly #tools: ReferrersTools;

  constructor(tools: ReferrersTools) {
    this.#tools = tools;
  }

  /** All that refers to `subject`, or what of it is of `artifactType`. */
  async pull(target: Target, subject: Digest, artifactType: string | null): Promise<ReferrersPull> {
    const isAsked = (one: Referrer): boolean =>
      artifactType === null || one.artifactType === artifactType;
    try {
      const { outcome, referrers } = await this.#current(target, subject, artifactType);
      return { outcome, referrers: referrers.filter(isAsked) };
    } catch (error) {
      const outcome = standInFor(error);
      if (!outcome) throw error;
      const referrers = (await this.#cached(target, subject)).filter(isAsked);
      // No list at all would say that there are none, and an image would count as unsigned.
      if (referrers.length === 0) throw error;
      return { outcome, referrers };
    }
  }

  /** Of all types, where upstream does not choose. */
  async #current(
    target: Target,
    subject: Digest,
    artifactType: string | null,
  ): Promise<ReferrersPull> {
    const listed = await this.#listed(target, subject, artifactType);
    return listed ? { outcome: null, referrers: listed } : await this.#tagged(target, subject);
  }

  async #listed(
    { upstream, ...place }: Target,
    subject: Digest,
    artifactType: string | null,
  ): Promise<readonly Referrer[] | null> {
    using _waiting = upstream.crowd.enter();
    return await upstream.listReferrers(place, subject, artifactType);
  }

  /** Distribution spec 1.1, "Referrers Tag Schema": what clients maintain where there is no referrers API. */
  async #tagged(target: Target, subject: Digest): Promise<ReferrersPull> {
    const { tags } = this.#tools;
    try {
      const { outcome, manifest } = await tags.pull(target, referrersTag(subject), acceptAny);
      return { outcome, referrers: referrersIn(manifest.bytes) ?? [] };
    } catch (error) {
      if (error instanceof DistributionError && error.code === "MANIFEST_UNKNOWN") {
        return { outcome: null, referrers: [] };
      }
      throw error;
    }
  }

  async #cached(target: Target, subject: Digest): Promise<readonly Referrer[]> {
    const { catalog, stored } = this.#tools;
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

/** Distribution spec 1.1, "Referrers Tag Schema": the encoded part is cut so that a tag holds it. */
function referrersTag(subject: Digest): Tag {
  const tag = parseTag(`${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`);
  if (!tag) throw new Error(`${subject} makes no tag`);
  return tag;
}
