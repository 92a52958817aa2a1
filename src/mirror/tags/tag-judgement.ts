import type { UpstreamFailure } from "../../upstream/upstream-error.ts";
import type { ManifestPull, ManifestTools } from "../manifests.ts";
import type { Asked } from "../not-found.ts";
import type { TagAge } from "../pull-outcome.ts";
import { locationOf } from "../rights/grants.ts";
import {
  type Freshness,
  type FreshnessPolicy,
  freshnessOf,
  mayServeStale,
  proofAge,
  stretched,
} from "./freshness.ts";
import { type KnownTag, type TagKey, textOf } from "./known-tags.ts";
import type { Ruling } from "./rules.ts";

// Of an upstream that gives no answer, whatever the reason.
export const outage: UpstreamFailure = { kind: "timeout", phase: "headers" };

/** What the configuration, the clock and what upstream did lately say of a tag that is known. Nobody is asked for it. */
export class TagJudgement {
  readonly #tools: Pick<ManifestTools, "storage" | "notFound" | "trouble" | "rules">;

  constructor(tools: Pick<ManifestTools, "storage" | "notFound" | "trouble" | "rules">) {
    this.#tools = tools;
  }

  rulingOn({ target, tag }: TagKey): Ruling {
    return this.#tools.rules().ruling(locationOf(target), { kind: "tag", tag });
  }

  isNotFound(key: TagKey, policy: FreshnessPolicy): boolean {
    return this.#tools.notFound.has(key.target, askedBy(key), policy);
  }

  freshnessOf({ target }: TagKey, { checkedAtMs }: KnownTag, policy: FreshnessPolicy): Freshness {
    const nowMs = this.#tools.storage.now();
    const freshness = freshnessOf(checkedAtMs, nowMs, policy);
    if (freshness === "fresh" || !target.upstream.isScarce) return freshness;
    return freshnessOf(checkedAtMs, nowMs, stretched(policy));
  }

  /** Whether the last check proves that the repository may have what the tag means. */
  isProof({ checkedAtMs }: KnownTag): boolean {
    const { storage, rules } = this.#tools;
    return proofAge(checkedAtMs, storage.now(), rules().general) !== "expired";
  }

  /** Whether it may be served as it was although upstream failed so. */
  mayServe(key: TagKey, { checkedAtMs }: KnownTag, failure: UpstreamFailure): boolean {
    const { policy } = this.rulingOn(key);
    return mayServeStale(failure, checkedAtMs, this.#tools.storage.now(), policy);
  }

  /** Why nobody waits for upstream, having something to serve; null if one does. */
  reasonNotToWait(key: TagKey, known: KnownTag): string | null {
    const { name: upstream, down } = key.target.upstream;
    if (down && this.mayServe(key, known, down.failure)) return `${upstream} ${down.reason}`;
    const inTrouble = this.#tools.trouble.lately(upstream, textOf(key));
    if (!inTrouble || !this.mayServe(key, known, outage)) return null;
    return `${upstream} gave no answer a moment ago`;
  }

  hitOf(key: TagKey, known: KnownTag): ManifestPull {
    return { outcome: { kind: "hit", tag: this.ageOf(key, known) }, manifest: known.manifest };
  }

  ageOf(key: TagKey, { checkedAtMs }: KnownTag): TagAge {
    const { policy, place } = this.rulingOn(key);
    const ageMs = Math.max(0, this.#tools.storage.now() - checkedAtMs);
    return { ageMs, ttlMs: policy.ttlMs - ageMs, rule: place };
  }
}

export function askedBy({ tag, variant }: TagKey): Asked {
  return `manifest ${tag} ${variant}`;
}
