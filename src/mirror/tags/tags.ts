import { type Accept, acceptAny } from "../../oci/accept.ts";
import { DistributionError } from "../../oci/distribution-error.ts";
import type { Reference, Tag } from "../../oci/reference.ts";
import type { DescribedManifest, UpstreamManifest } from "../../upstream/answers.ts";
import { behalfOf, fromNowhere } from "../../upstream/exchange/place.ts";
import { type Flight, SingleFlight } from "../../upstream/single-flight.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { PlainTarget, Target } from "../../upstream/upstreams.ts";
import {
  collapsed,
  longestWaitMs,
  type ManifestPull,
  type Manifests,
  type ManifestTools,
} from "../manifests.ts";
import { withPatience } from "../patience.ts";
import { manifestUnknown } from "../unknown.ts";
import { type KnownTag, KnownTags, type TagKey, textOf } from "./known-tags.ts";
import type { Ruling } from "./rules.ts";
import type { TagDecision, TagState } from "./tag-decision.ts";
import { askedBy, outage, TagJudgement } from "./tag-judgement.ts";

export interface TagTools extends ManifestTools {
  readonly manifests: Manifests;
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
  readonly #judgement: TagJudgement;
  readonly #flights = new SingleFlight<ManifestPull>();

  constructor(tools: TagTools) {
    this.#tools = tools;
    this.#known = new KnownTags(tools);
    this.#judgement = new TagJudgement(tools);
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

  /**
   * The hit that `pull` would be, if the tag is fresh and proven and all of it is in memory; else null. Throws what that
   * rejects with.
   */
  pullAtOnce(target: Target, tag: Tag, accept: Accept): ManifestPull | null {
    const key = { target, tag, variant: "" };
    const { keeps, policy } = this.#judgement.rulingOn(key);
    if (this.#judgement.isNotFound(key, policy)) throw manifestUnknown(tag);
    const known = keeps ? this.#known.inMemory(key) : null;
    if (!known || !accept.takes(known.manifest.mediaType)) return null;
    const isFresh = this.#judgement.freshnessOf(key, known, policy) === "fresh";
    return isFresh && this.#judgement.isProof(known) ? this.#judgement.hitOf(key, known) : null;
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
    const holdsIfDown = known !== null && this.#judgement.mayServe(key, known, outage);
    const isProven = known !== null && (await this.#isProven(target, known));
    return { ruling: this.#judgement.rulingOn(key), decision, isProven, holdsIfDown };
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
    const { policy, keeps } = this.#judgement.rulingOn(key);
    if (this.#judgement.isNotFound(key, policy)) return { kind: "not-found" };
    // What was stored before a rule said that this only passes is nobody's any more.
    const known = keeps ? await find(key) : null;
    if (!known) return { kind: "ask" };
    const freshness = this.#judgement.freshnessOf(key, known, policy);
    if (freshness !== "stale") return { kind: "hit", known, freshness };
    return { kind: "revalidate", known, reason: this.#judgement.reasonNotToWait(key, known) };
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
    const reason = this.#judgement.reasonNotToWait(key, known);
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
      if (this.#judgement.mayServe(key, known, error.failure))
        return this.#stale(key, known, error.message);
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
    if (known && !this.#judgement.mayServe(key, known, failure)) await this.#known.forget(key);
  }

  async #revalidate(key: TagKey, accept: Accept): Promise<ManifestPull> {
    const { target, tag } = key;
    const { notFound, trouble } = this.#tools;
    const ruling = this.#judgement.rulingOn(key);
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
    if (!known || !this.#judgement.mayServe(key, known, outage)) return null;
    return this.#stale(
      key,
      known,
      `${upstream.name} lets us have few more pulls, and it has moved`,
    );
  }

  /**
   * The tag as it was. What was checked longer ago than a proof holds is no proof any more that the repository may have
   * the manifest, so that is proven by its digest; null if upstream says that there is none such.
   */
  async #hit(key: TagKey, known: KnownTag): Promise<ManifestPull | null> {
    const { manifests } = this.#tools;
    const isHeld =
      this.#judgement.isProof(known) ||
      (await manifests.mayHave(key.target, known.manifest.digest));
    return isHeld ? this.#judgement.hitOf(key, known) : null;
  }

  async #isProven(target: PlainTarget, known: KnownTag): Promise<boolean> {
    if (this.#judgement.isProof(known)) return true;
    const { age } = await this.#tools.grants.stateOf(target, known.manifest.digest);
    return age === "good" || age === "aging";
  }

  #stale(key: TagKey, known: KnownTag, reason: string): ManifestPull {
    return {
      outcome: { kind: "stale", tag: this.#judgement.ageOf(key, known), reason },
      manifest: known.manifest,
    };
  }
}

/** What came by digest has no age: that of the tag is in the answer that named the digest. */
function agedAs(head: DescribedManifest, manifest: UpstreamManifest): UpstreamManifest {
  return head.digest ? { ...manifest, ageMs: head.ageMs } : manifest;
}

function collapsedIf(joined: boolean, pull: ManifestPull): ManifestPull {
  return joined ? collapsed(pull) : pull;
}
