import { type Accept, acceptAny } from "../../oci/accept.ts";
import { DistributionError } from "../../oci/distribution-error.ts";
import type { Reference, Tag } from "../../oci/reference.ts";
import type { DescribedManifest, UpstreamManifest } from "../../upstream/answers.ts";
import { behalfOf, fromNowhere } from "../../upstream/place.ts";
import { type Flight, SingleFlight } from "../../upstream/single-flight.ts";
import { UpstreamError, type UpstreamFailure } from "../../upstream/upstream-error.ts";
import type { Target } from "../../upstream/upstreams.ts";
import { locationOf } from "../access/grants.ts";
import type { PlainTarget } from "../images/image-tree.ts";
import {
  collapsed,
  longestWaitMs,
  type ManifestPull,
  type Manifests,
  type ManifestTools,
  manifestUnknown,
} from "../manifests.ts";
import type { Asked } from "../not-found.ts";
import { withPatience } from "../patience.ts";
import type { TagAge } from "../pull-outcome.ts";
import { freshnessOf, mayServeStale, proofAge, stretched } from "./freshness.ts";
import { type KnownTag, KnownTags, type TagKey, textOf } from "./known-tags.ts";
import type { Ruling } from "./rules.ts";
import type { TagDecision, TagState } from "./tag-decision.ts";

export interface TagTools extends ManifestTools {
  readonly manifests: Manifests;
}

// Of an upstream that gives no answer, whatever the reason.
const outage: UpstreamFailure = { kind: "timeout", phase: "headers" };

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
    this.#known = new KnownTags(tools);
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

  /** What tags mean is read from the catalog again. */
  dropFromMemory(): void {
    this.#known.dropFromMemory();
  }

  /** What a pull of the tag would do now. Nobody is asked, and nothing is changed by it. */
  async stateOf(target: PlainTarget, tag: Tag): Promise<TagState> {
    const key = { target: { ...target, ...fromNowhere }, tag, variant: "" };
    const decision = await this.#decide(key, (one) => this.#known.peek(one));
    const known = "known" in decision ? decision.known : null;
    const holdsIfDown = known !== null && this.#mayServe(key, known, outage);
    const isProven = known !== null && (await this.#isProven(target, known));
    return { ruling: this.#rulingOn(key), decision, isProven, holdsIfDown };
  }

  async #pull(key: TagKey, accept: Accept): Promise<ManifestPull> {
    const decision = await this.#decide(key, (one) => this.#known.find(one));
    switch (decision.kind) {
      case "not-found":
        throw manifestUnknown(key.tag);
      case "ask":
        return await this.#ask(key, accept);
      case "hit": {
        const { known, freshness } = decision;
        const hit = await this.#hit(key, known);
        if (!hit) return await this.#askOrStale(key, accept, known);
        if (freshness === "usable") this.#revalidateBehind(key, accept);
        return hit;
      }
      case "revalidate":
        return await this.#askOrStale(key, accept, decision.known);
    }
  }

  async #decide(
    key: TagKey,
    find: (key: TagKey) => Promise<KnownTag | null>,
  ): Promise<TagDecision> {
    const { storage, notFound } = this.#tools;
    const { policy, keeps } = this.#rulingOn(key);
    if (notFound.has(key.target, askedBy(key), policy)) return { kind: "not-found" };
    // What was stored before a rule said that this only passes is nobody's any more.
    const known = keeps ? await find(key) : null;
    if (!known) return { kind: "ask" };
    const believed = key.target.upstream.isScarce ? stretched(policy) : policy;
    const freshness = freshnessOf(known.checkedAtMs, storage.now(), believed);
    if (freshness !== "stale") return { kind: "hit", known, freshness };
    return { kind: "revalidate", known, reason: this.#reasonNotToWait(key, known) };
  }

  #rulingOn({ target, tag }: TagKey): Ruling {
    return this.#tools.rules().ruling(locationOf(target), { kind: "tag", tag });
  }

  async #ask(key: TagKey, accept: Accept): Promise<ManifestPull> {
    const overdue = this.#tools.trouble.overdue(textOf(key));
    if (overdue) throw overdue;
    using _waiting = key.target.upstream.crowd.enter();
    const flight = this.#begin(key, accept);
    const pull = await withPatience(flight, longestWaitMs, key.target.upstream.name);
    return collapsedIf(flight.joined, pull);
  }

  async #askOrStale(key: TagKey, accept: Accept, known: KnownTag): Promise<ManifestPull> {
    const upstream = key.target.upstream.name;
    const reason = this.#reasonNotToWait(key, known);
    if (reason !== null) {
      this.#revalidateBehind(key, accept);
      return this.#stale(key, known, reason);
    }
    try {
      using _waiting = key.target.upstream.crowd.enter();
      const flight = this.#begin(key, accept);
      return collapsedIf(flight.joined, await withPatience(flight, patienceMs, upstream));
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      // Patience may have ended before the question did.
      this.#tools.trouble.note(upstream, textOf(key), error);
      if (this.#mayServe(key, known, error.failure)) return this.#stale(key, known, error.message);
      throw error;
    }
  }

  /** Why nobody waits for upstream, having something to serve; null if one does. */
  #reasonNotToWait(key: TagKey, known: KnownTag): string | null {
    const { name: upstream, down } = key.target.upstream;
    if (down && this.#mayServe(key, known, down.failure)) return `${upstream} ${down.reason}`;
    const inTrouble = this.#tools.trouble.lately(upstream, textOf(key));
    if (!inTrouble || !this.#mayServe(key, known, outage)) return null;
    return `${upstream} gave no answer a moment ago`;
  }

  #revalidateBehind(key: TagKey, accept: Accept): void {
    this.#tools.behind.run(key.target.upstream.name, textOf(key), async () => {
      await this.#begin(key, accept).result;
    });
  }

  /** The question that runs for this tag, or a new one. Throws DistributionError if too many wait for it. */
  #begin(key: TagKey, accept: Accept): Flight<ManifestPull> {
    const flight = this.#flights.run(textOf(key) + behalfOf(key.target), () =>
      this.#revalidateOrNote(key, accept),
    );
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
    if (known && !this.#mayServe(key, known, failure)) await this.#known.forget(key);
  }

  async #revalidate(key: TagKey, accept: Accept): Promise<ManifestPull> {
    const { target, tag } = key;
    const { notFound, trouble } = this.#tools;
    const ruling = this.#rulingOn(key);
    const pull = await this.#askUpstream(key, accept, ruling);
    trouble.clear(target.upstream.name, textOf(key));
    if (!pull) {
      notFound.note(target, askedBy(key));
      await this.#known.forget(key);
      throw manifestUnknown(tag);
    }
    notFound.forget(target, askedBy(key));
    const { outcome, manifest } = pull;
    const isHere = outcome.kind === "miss" ? outcome.stored : outcome.kind !== "stale";
    const ageMs = "ageMs" in outcome ? outcome.ageMs : 0;
    if (isHere && ruling.keeps) await this.#known.record(key, manifest, ageMs);
    return pull;
  }

  /**
   * Asks upstream what the tag means. Docker Hub counts a GET against the pull limit but not a HEAD, so a HEAD
   * comes first and a GET, by digest so that it can be checked, only for what is not here.
   */
  async #askUpstream(key: TagKey, accept: Accept, ruling: Ruling): Promise<ManifestPull | null> {
    const { target, tag } = key;
    const { upstream } = target;
    const { manifests } = this.#tools;
    const byTag: Reference = { kind: "tag", tag };
    for (let attempt = 0; attempt < 2; attempt++) {
      const head = await upstream.headManifest(target, byTag, accept);
      if (!head) return null;
      const here = await manifests.findShown(target, head, ruling);
      const sufficient = here ?? (await this.#beforeItMoved(key));
      if (sufficient) return sufficient;
      const reference: Reference = head.digest ? { kind: "digest", digest: head.digest } : byTag;
      const manifest = await upstream.getManifest(target, reference, accept);
      if (manifest) return await manifests.keep(target, agedAs(head, manifest), ruling);
      // The tag moved between the two questions and what it meant is gone.
    }
    const reason = `it has no manifest of the digest that it says ${tag} means`;
    throw new UpstreamError(upstream.name, { kind: "nonsense", reason });
  }

  /** What the tag meant, where to learn what it means now would take one of the few pulls that are left. */
  async #beforeItMoved(key: TagKey): Promise<ManifestPull | null> {
    const { upstream } = key.target;
    const known = upstream.isScarce ? await this.#known.find(key) : null;
    if (!known || !this.#mayServe(key, known, { kind: "timeout", phase: "headers" })) return null;
    return this.#stale(
      key,
      known,
      `${upstream.name} lets us have few more pulls, and it has moved`,
    );
  }

  #mayServe(key: TagKey, { checkedAtMs }: KnownTag, failure: UpstreamError["failure"]): boolean {
    const { policy } = this.#rulingOn(key);
    return mayServeStale(failure, checkedAtMs, this.#tools.storage.now(), policy);
  }

  /**
   * The tag as it was. What was checked longer ago than a proof holds is no proof any more that the repository may have
   * the manifest, so that is proven by its digest; null if upstream says that there is none such.
   */
  async #hit(key: TagKey, known: KnownTag): Promise<ManifestPull | null> {
    const { manifest, checkedAtMs } = known;
    const { manifests } = this.#tools;
    if (!this.#isProof(checkedAtMs) && !(await manifests.mayHave(key.target, manifest.digest)))
      return null;
    return { outcome: { kind: "hit", tag: this.#ageOf(key, known) }, manifest };
  }

  #isProof(checkedAtMs: number): boolean {
    const { storage, rules } = this.#tools;
    return proofAge(checkedAtMs, storage.now(), rules().general) !== "expired";
  }

  async #isProven(target: PlainTarget, { manifest, checkedAtMs }: KnownTag): Promise<boolean> {
    if (this.#isProof(checkedAtMs)) return true;
    const { age } = await this.#tools.grants.stateOf(target, manifest.digest);
    return age === "good" || age === "aging";
  }

  #stale(key: TagKey, known: KnownTag, reason: string): ManifestPull {
    return {
      outcome: { kind: "stale", tag: this.#ageOf(key, known), reason },
      manifest: known.manifest,
    };
  }

  #ageOf(key: TagKey, { checkedAtMs }: KnownTag): TagAge {
    const { policy, place } = this.#rulingOn(key);
    const ageMs = Math.max(0, this.#tools.storage.now() - checkedAtMs);
    return { ageMs, ttlMs: policy.ttlMs - ageMs, rule: place };
  }
}

function askedBy({ tag, variant }: TagKey): Asked {
  return `manifest ${tag} ${variant}`;
}

/** What came by digest has no age: that of the tag is in the answer that named the digest. */
function agedAs(head: DescribedManifest, manifest: UpstreamManifest): UpstreamManifest {
  return head.digest ? { ...manifest, ageMs: head.ageMs } : manifest;
}

function collapsedIf(joined: boolean, pull: ManifestPull): ManifestPull {
  return joined ? collapsed(pull) : pull;
}
