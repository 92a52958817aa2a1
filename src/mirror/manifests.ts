import type { Digest } from "../oci/digest.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { Manifest } from "../oci/manifest.ts";
import { type Reference, referenceText, type Tag } from "../oci/reference.ts";
import { SingleFlight } from "../upstream/single-flight.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { Target } from "../upstream/upstreams.ts";
import { type FreshnessPolicy, freshForMs, mayServeStale } from "./freshness.ts";
import { type Grants, locationOf } from "./grants.ts";
import type { PullOutcome } from "./pull-outcome.ts";
import { orNull, type StorageTools } from "./storage-tools.ts";
import type { StoredContent } from "./stored-content.ts";

export interface ManifestPull {
  readonly outcome: PullOutcome;
  readonly manifest: Manifest;
}

// With a stale answer at hand nobody waits longer than this for upstream to say that it still holds; the question
// goes on behind the answer.
const patienceMs = 1_000;

/** Pulls of manifests, by digest and by tag. */
export class Manifests {
  policy: FreshnessPolicy;
  readonly #tools: StorageTools;
  readonly #stored: StoredContent;
  readonly #grants: Grants;
  readonly #flights = new SingleFlight<ManifestPull>();

  constructor(tools: StorageTools, stored: StoredContent, grants: Grants, policy: FreshnessPolicy) {
    this.policy = policy;
    this.#tools = tools;
    this.#stored = stored;
    this.#grants = grants;
  }

  async pull(target: Target, reference: Reference): Promise<ManifestPull> {
    return reference.kind === "tag"
      ? await this.#pullTag(target, reference.tag)
      : await this.#pullDigest(target, reference.digest);
  }

  async #pullDigest(target: Target, digest: Digest): Promise<ManifestPull> {
    const reference: Reference = { kind: "digest", digest };
    const manifest = await this.#stored.manifest(digest);
    if (manifest && (await this.#mayHave(target, digest))) {
      return { outcome: { kind: "hit", ttlMs: null }, manifest };
    }
    const flight = this.#flights.run(keyOf(target, reference), async () => {
      const pulled = await target.upstream.getManifest(target.repository, reference);
      if (!pulled) throw manifestUnknown(reference);
      return await this.#keep(target, pulled);
    });
    return collapsedIf(flight.joined, await flight.result);
  }

  async #pullTag(target: Target, tag: Tag): Promise<ManifestPull> {
    const known = await this.#known(target, tag);
    const ttlMs = known ? freshForMs(known.checkedAtMs, this.#tools.now(), this.policy) : 0;
    if (known && ttlMs > 0) return { outcome: { kind: "hit", ttlMs }, manifest: known.manifest };
    const reference: Reference = { kind: "tag", tag };
    const flight = this.#flights.run(keyOf(target, reference), () => this.#revalidate(target, tag));
    if (!known) return collapsedIf(flight.joined, await flight.result);
    try {
      return collapsedIf(flight.joined, await inTime(flight.result, target.upstream.name));
    } catch (error) {
      return this.#stale(known, error);
    }
  }

  /** What the tag meant when it was last checked, if that manifest is still here. */
  async #known(target: Target, tag: Tag): Promise<KnownTag | null> {
    const { catalog, log } = this.#tools;
    const record = await orNull(log, () => catalog.tag(locationOf(target), tag, ""));
    const manifest = record && (await this.#stored.manifest(record.digest));
    return manifest && { checkedAtMs: record.checkedAtMs, manifest };
  }

  async #revalidate(target: Target, tag: Tag): Promise<ManifestPull> {
    const { catalog, log, now } = this.#tools;
    const location = locationOf(target);
    const pull = await this.#askTag(target, tag);
    if (!pull) {
      await catalog.forgetTag(location, tag);
      throw manifestUnknown({ kind: "tag", tag });
    }
    const { outcome, manifest } = pull;
    if (outcome.kind !== "miss" || outcome.stored) {
      const record = { digest: manifest.digest, checkedAtMs: now() };
      await orNull(log, () => catalog.recordTag(location, tag, "", record));
    }
    return pull;
  }

  /**
   * Asks upstream what the tag means. Docker Hub counts a GET against the pull limit but not a HEAD, so a HEAD
   * comes first and a GET, by digest so that it can be checked, only for what is not here.
   */
  async #askTag(target: Target, tag: Tag): Promise<ManifestPull | null> {
    const { upstream, repository } = target;
    const byTag: Reference = { kind: "tag", tag };
    for (let attempt = 0; attempt < 2; attempt++) {
      const head = await upstream.headManifest(repository, byTag);
      if (!head) return null;
      const stored = head.digest && (await this.#stored.manifest(head.digest));
      if (stored) {
        await this.#grants.record(target, stored.digest);
        return { outcome: { kind: "revalidated", ttlMs: this.policy.ttlMs }, manifest: stored };
      }
      const reference: Reference = head.digest ? { kind: "digest", digest: head.digest } : byTag;
      const manifest = await upstream.getManifest(repository, reference);
      if (manifest) return await this.#keep(target, manifest);
      // The tag moved between the two questions and what it meant is gone.
    }
    const reason = `it has no manifest of the digest that it says ${tag} means`;
    throw new UpstreamError(upstream.name, { kind: "nonsense", reason });
  }

  async #keep(target: Target, manifest: Manifest): Promise<ManifestPull> {
    const stored = await this.#stored.storeManifest(locationOf(target), manifest);
    return { outcome: { kind: "miss", stored }, manifest };
  }

  async #mayHave(target: Target, digest: Digest): Promise<boolean> {
    if (await this.#grants.isGranted(target, digest)) return true;
    const reference: Reference = { kind: "digest", digest };
    const held = await this.#grants.prove(target, digest, async () => {
      return (await target.upstream.headManifest(target.repository, reference)) !== null;
    });
    if (!held) throw manifestUnknown(reference);
    return held;
  }

  #stale({ checkedAtMs, manifest }: KnownTag, error: unknown): ManifestPull {
    if (!(error instanceof UpstreamError)) throw error;
    const nowMs = this.#tools.now();
    if (!mayServeStale(error.failure, checkedAtMs, nowMs, this.policy)) throw error;
    const staleMs = Math.max(0, nowMs - checkedAtMs - this.policy.ttlMs);
    return { outcome: { kind: "stale", staleMs, reason: error.message }, manifest };
  }
}

interface KnownTag {
  readonly checkedAtMs: number;
  readonly manifest: Manifest;
}

function keyOf({ upstream, repository }: Target, reference: Reference): string {
  return `${upstream.name} ${repository} ${referenceText(reference)}`;
}

function collapsedIf(joined: boolean, pull: ManifestPull): ManifestPull {
  return joined ? { ...pull, outcome: { kind: "collapsed" } } : pull;
}

/** The result, or UpstreamError when patience ends first; the work goes on. */
async function inTime<T>(result: Promise<T>, upstream: string): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const failure = { kind: "timeout", phase: "headers" } as const;
  const timer = setTimeout(() => reject(new UpstreamError(upstream, failure)), patienceMs);
  try {
    return await Promise.race([result, late]);
  } finally {
    clearTimeout(timer);
  }
}

function manifestUnknown(reference: Reference): DistributionError {
  return new DistributionError(
    "MANIFEST_UNKNOWN",
    "upstream has no such manifest in this repository",
    {
      detail: { reference: referenceText(reference) },
    },
  );
}
