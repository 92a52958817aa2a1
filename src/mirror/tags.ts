import { type Accept, acceptAny } from "../oci/accept.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { Reference, Tag } from "../oci/reference.ts";
import { type Flight, SingleFlight } from "../upstream/single-flight.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Target } from "../upstream/upstreams.ts";
import { type FreshnessPolicy, freshnessOf, mayServeStale } from "./freshness.ts";
import { type KnownTag, KnownTags, type TagKey, textOf } from "./known-tags.ts";
import {
  longestWaitMs,
  type ManifestPull,
  type Manifests,
  type ManifestTools,
  manifestUnknown,
} from "./manifests.ts";
import type { Asked } from "./not-found.ts";
import { withPatience } from "./patience.ts";
import type { TagAge } from "./pull-outcome.ts";
import type { RecentTrouble } from "./recent-trouble.ts";

export interface TagTools extends ManifestTools {
  readonly manifests: Manifests;
  readonly trouble: RecentTrouble;
  readonly policy: () => FreshnessPolicy;
}

// With a stale answer at hand nobody waits longer than this for upstream to say that it still holds; the question
// goes on behind the answer.
const patienceMs = 1_000;

// Each holds a connection. More for one tag is no use of a mirror, and must not take the memory of the others.
const waitersLimit = 1_000;

/** Pulls of manifests by tag: fresh, revalidated, or stale. */
export class Tags {
  readonly #tools: TagTools;
  readonly #known: KnownTags;
  readonly #flights = new SingleFlight<ManifestPull>();

  constructor(tools: TagTools) {
    this.#tools = tools;
    this.#known = new KnownTags(tools.storage, tools.stored);
  }

  /**
   * What the tag means to everyone; or, where the client does not take that, to those who ask as it does: an upstream
   * may have another answer for them.
   */
  async pull(target: Target, tag: Tag, accept: Accept): Promise<ManifestPull> {
    const common = await this.#pull({ target, tag, variant: "" }, acceptAny);
    if (accept.takes(common.manifest.mediaType)) return common;
    return await this.#pull({ target, tag, variant: accept.variant }, accept);
  }

  async #pull(key: TagKey, accept: Accept): Promise<ManifestPull> {
    const { storage, policy } = this.#tools;
    if (this.#tools.notFound.has(key.target, askedBy(key))) throw manifestUnknown(key.tag);
    const known = await this.#known.find(key);
    if (!known) return await this.#ask(key, accept);
    switch (freshnessOf(known.checkedAtMs, storage.now(), policy())) {
      case "fresh":
        return this.#hit(known);
      case "usable":
        this.#revalidateBehind(key, accept);
        return this.#hit(known);
      case "stale":
        return await this.#askOrStale(key, accept, known);
    }
  }

  async #ask(key: TagKey, accept: Accept): Promise<ManifestPull> {
    const flight = this.#begin(key, accept);
    const pull = await withPatience(flight.result, longestWaitMs, key.target.upstream.name);
    return collapsedIf(flight.joined, pull);
  }

  async #askOrStale(key: TagKey, accept: Accept, known: KnownTag): Promise<ManifestPull> {
    const upstream = key.target.upstream.name;
    const inTrouble = this.#tools.trouble.lately(upstream, textOf(key));
    if (inTrouble && this.#mayServe(known, { kind: "timeout", phase: "headers" })) {
      this.#revalidateBehind(key, accept);
      return this.#stale(known, `${upstream} gave no answer a moment ago`);
    }
    const flight = this.#begin(key, accept);
    try {
      return collapsedIf(flight.joined, await withPatience(flight.result, patienceMs, upstream));
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      // Patience may have ended before the question did.
      this.#tools.trouble.note(upstream, textOf(key), error);
      if (this.#mayServe(known, error.failure)) return this.#stale(known, error.message);
      throw error;
    }
  }

  #revalidateBehind(key: TagKey, accept: Accept): void {
    this.#tools.behind.run(key.target.upstream.name, textOf(key), async () => {
      await this.#begin(key, accept).result;
    });
  }

  /** The question that runs for this tag, or a new one. Throws DistributionError if too many wait for it. */
  #begin(key: TagKey, accept: Accept): Flight<ManifestPull> {
    const flight = this.#flights.run(textOf(key), () => this.#revalidateOrNote(key, accept));
    if (flight.waiters <= waitersLimit) return flight;
    throw new DistributionError(
      "UNAVAILABLE",
      `${flight.waiters} pulls of this tag wait for ${key.target.upstream.name} already`,
      { headers: { "retry-after": "10" } },
    );
  }

  async #revalidateOrNote(key: TagKey, accept: Accept): Promise<ManifestPull> {
    try {
      return await this.#revalidate(key, accept);
    } catch (error) {
      this.#tools.trouble.note(key.target.upstream.name, textOf(key), error);
      if (error instanceof UpstreamError) await this.#forgetIfOver(key, error);
      throw error;
    }
  }

  /** What upstream refuses for good must not be served again as soon as it cannot be asked. */
  async #forgetIfOver(key: TagKey, { failure }: UpstreamError): Promise<void> {
    if (failure.kind !== "refused") return;
    const known = await this.#known.find(key);
    if (known && !this.#mayServe(known, failure)) await this.#known.forget(key);
  }

  async #revalidate(key: TagKey, accept: Accept): Promise<ManifestPull> {
    const { target, tag } = key;
    const { notFound, trouble } = this.#tools;
    const pull = await this.#askUpstream(key, accept);
    trouble.clear(target.upstream.name, textOf(key));
    if (!pull) {
      notFound.note(target, askedBy(key));
      await this.#known.forget(key);
      throw manifestUnknown(tag);
    }
    notFound.forget(target, askedBy(key));
    const { outcome, manifest } = pull;
    if (outcome.kind !== "miss" || outcome.stored) await this.#known.record(key, manifest);
    return pull;
  }

  /**
   * Asks upstream what the tag means. Docker Hub counts a GET against the pull limit but not a HEAD, so a HEAD
   * comes first and a GET, by digest so that it can be checked, only for what is not here.
   */
  async #askUpstream({ target, tag }: TagKey, accept: Accept): Promise<ManifestPull | null> {
    const { upstream } = target;
    const { stored, manifests, policy } = this.#tools;
    const byTag: Reference = { kind: "tag", tag };
    for (let attempt = 0; attempt < 2; attempt++) {
      const head = await upstream.headManifest(target, byTag, accept);
      if (!head) return null;
      const here = head.digest && (await stored.manifest(head.digest));
      if (here) {
        await manifests.grant(target, here.digest);
        return { outcome: { kind: "revalidated", ttlMs: policy().ttlMs }, manifest: here };
      }
      const reference: Reference = head.digest ? { kind: "digest", digest: head.digest } : byTag;
      const manifest = await upstream.getManifest(target, reference, accept);
      if (manifest) return await manifests.keep(target, manifest);
      // The tag moved between the two questions and what it meant is gone.
    }
    const reason = `it has no manifest of the digest that it says ${tag} means`;
    throw new UpstreamError(upstream.name, { kind: "nonsense", reason });
  }

  #mayServe({ checkedAtMs }: KnownTag, failure: UpstreamError["failure"]): boolean {
    const { storage, policy } = this.#tools;
    return mayServeStale(failure, checkedAtMs, storage.now(), policy());
  }

  #hit(known: KnownTag): ManifestPull {
    return { outcome: { kind: "hit", tag: this.#ageOf(known) }, manifest: known.manifest };
  }

  #stale(known: KnownTag, reason: string): ManifestPull {
    return {
      outcome: { kind: "stale", tag: this.#ageOf(known), reason },
      manifest: known.manifest,
    };
  }

  #ageOf({ checkedAtMs }: KnownTag): TagAge {
    const { storage, policy } = this.#tools;
    const ageMs = Math.max(0, storage.now() - checkedAtMs);
    return { ageMs, ttlMs: policy().ttlMs - ageMs };
  }
}

function askedBy({ tag, variant }: TagKey): Asked {
  return `manifest ${tag} ${variant}`;
}

function collapsedIf(joined: boolean, pull: ManifestPull): ManifestPull {
  return joined ? { ...pull, outcome: { kind: "collapsed" } } : pull;
}
