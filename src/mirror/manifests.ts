import type { Digest } from "../oci/digest.ts";
import type { DistributionError } from "../oci/distribution-error.ts";
import type { Manifest } from "../oci/manifest.ts";
import type { DescribedManifest, UpstreamManifest } from "../upstream/answers.ts";
import { behalfOf, fromNowhere } from "../upstream/exchange/place.ts";
import { SingleFlight } from "../upstream/single-flight.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { PlainTarget, Target } from "../upstream/upstreams.ts";
import type { Behind } from "./behind.ts";
import type { NotFound } from "./not-found.ts";
import type { PassedManifests } from "./passed-manifests.ts";
import { withPatience } from "./patience.ts";
import type { PullOutcome } from "./pull-outcome.ts";
import type { RecentTrouble } from "./recent-trouble.ts";
import { type Grants, locationOf } from "./rights/grants.ts";
import type { StorageTools } from "./storage-tools.ts";
import type { StoredContent } from "./stored-content.ts";
import { passedBy, type Rules, type Ruling } from "./tags/rules.ts";
import { manifestUnknown } from "./unknown.ts";

export interface ManifestPull {
  readonly outcome: PullOutcome;
  readonly manifest: Manifest;
}

interface ManifestState {
  readonly ruling: Ruling;
  readonly isNotFound: boolean;
}

export interface ManifestTools {
  readonly storage: StorageTools;
  readonly stored: StoredContent;
  readonly grants: Grants;
  readonly notFound: NotFound;
  readonly behind: Behind;
  readonly trouble: RecentTrouble;
  readonly passed: PassedManifests;
  readonly rules: () => Rules;
}

/** containerd gives up on a header after 30 seconds. */
export const longestWaitMs = 25_000;

/** Pulls of manifests by digest. */
export class Manifests {
  readonly #tools: ManifestTools;
  readonly #flights = new SingleFlight<ManifestPull>();

  constructor(tools: ManifestTools) {
    this.#tools = tools;
  }

  async pull(target: Target, digest: Digest): Promise<ManifestPull> {
    const { stored, passed } = this.#tools;
    const { ruling, isNotFound } = this.#stateAt(target, digest);
    if (isNotFound) throw manifestUnknown(digest);
    const manifest = await stored.manifest(digest);
    if (manifest) {
      if (!(await this.mayHave(target, digest))) throw this.#missing(target, digest);
      return { outcome: hit, manifest };
    }
    const justPassed = passed.find(target, digest);
    if (justPassed) {
      return { outcome: ruling.keeps ? hit : passedBy(ruling), manifest: justPassed };
    }
    return await this.#ask(target, digest, ruling);
  }

  /** The hit that `pull` would be, if all for it is in memory and good; else null. Throws what that rejects with. */
  pullAtOnce(target: Target, digest: Digest): ManifestPull | null {
    const { stored, grants } = this.#tools;
    if (this.#stateAt(target, digest).isNotFound) throw manifestUnknown(digest);
    const manifest = stored.inMemory(digest);
    return manifest && grants.mayHaveAtOnce(target, digest) ? { outcome: hit, manifest } : null;
  }

  /** What holds for a pull by digest, and whether upstream has just said that there is none. */
  stateOf(target: PlainTarget, digest: Digest): ManifestState {
    return this.#stateAt({ ...target, ...fromNowhere }, digest);
  }

  /** Stores what upstream sent through this repository, unless a rule says that it only passes. */
  async keep(target: Target, sent: UpstreamManifest, ruling: Ruling): Promise<ManifestPull> {
    const { behind, notFound, passed } = this.#tools;
    const { cacheStatus: before, ageMs, ...manifest } = sent;
    notFound.forget(target, `manifest ${manifest.digest}`);
    if (!ruling.keeps) {
      passed.note(target, manifest);
      return { outcome: passedBy(ruling), manifest };
    }
    const isStored = await behind.soonOrLate(() => this.#store(target, manifest), false);
    // What is stored late is found there meanwhile.
    if (isStored !== true) passed.note(target, manifest);
    return { outcome: { kind: "miss", stored: isStored ?? true, before, ageMs }, manifest };
  }

  /** What is here of what upstream has just shown through this repository. */
  async findShown(
    target: Target,
    { digest, cacheStatus: before, ageMs }: DescribedManifest,
    ruling: Ruling,
  ): Promise<ManifestPull | null> {
    const { stored, passed } = this.#tools;
    if (digest === null) return null;
    const manifest = await stored.manifest(digest);
    if (manifest) await this.#grant(target, digest);
    const shown = manifest ?? passed.find(target, digest);
    if (!shown) return null;
    if (!ruling.keeps && !manifest) return { outcome: passedBy(ruling), manifest: shown };
    const ttlMs = ruling.policy.ttlMs - ageMs;
    return { outcome: { kind: "revalidated", ttlMs, before, ageMs }, manifest: shown };
  }

  /** Whether the repository may have a manifest that is here, as `Grants.mayHave` says. */
  async mayHave(target: Target, digest: Digest): Promise<boolean> {
    const { grants } = this.#tools;
    const wasGranted = await grants.isKnown(target, digest);
    const isHeld = await grants.mayHave(target, digest, () =>
      target.upstream.hasManifest(target, { kind: "digest", digest }),
    );
    if (isHeld && !wasGranted) this.#proveMembers(target, digest);
    return isHeld;
  }

  #stateAt(target: Target, digest: Digest): ManifestState {
    const { notFound, rules } = this.#tools;
    const ruling = rules().ruling(locationOf(target), { kind: "digest", digest });
    return { ruling, isNotFound: notFound.has(target, `manifest ${digest}`, ruling.policy) };
  }

  /** Never rejects. */
  async #store(target: Target, manifest: Manifest): Promise<boolean> {
    const isStored = await this.#tools.stored.storeManifest(locationOf(target), manifest);
    if (isStored) this.#proveMembers(target, manifest.digest);
    return isStored;
  }

  async #grant(target: Target, digest: Digest): Promise<void> {
    const { grants } = this.#tools;
    const wasGranted = await grants.isKnown(target, digest);
    await grants.record(target, digest);
    if (!wasGranted) this.#proveMembers(target, digest);
  }

  async #ask(target: Target, digest: Digest, ruling: Ruling): Promise<ManifestPull> {
    const { upstream, repository } = target;
    const key = `${upstream.name} ${repository} ${digest}`;
    const overdue = this.#tools.trouble.overdue(key);
    if (overdue) throw overdue;
    using _waiting = upstream.crowd.enter();
    const fetch = (): Promise<ManifestPull> => this.#fetch(target, digest, ruling);
    const flight = this.#flights.run(key + behalfOf(target), () => this.#noting(key, fetch));
    const pull = await withPatience(flight, longestWaitMs, upstream.name);
    return flight.joined ? collapsed(pull) : pull;
  }

  async #noting(key: string, fetch: () => Promise<ManifestPull>): Promise<ManifestPull> {
    try {
      return await fetch();
    } catch (error) {
      if (error instanceof UpstreamError) this.#tools.trouble.note(error.upstream, key, error);
      throw error;
    }
  }

  async #fetch(target: Target, digest: Digest, ruling: Ruling): Promise<ManifestPull> {
    const manifest = await target.upstream.getManifest(target, { kind: "digest", digest });
    if (manifest) return await this.keep(target, manifest, ruling);
    const { grants, storage } = this.#tools;
    // What is here as a blob was only asked for as what it is not.
    if (!(await storage.catalog.blob(digest))) await grants.revoke(target, digest);
    throw this.#missing(target, digest);
  }

  #missing(target: Target, digest: Digest): DistributionError {
    this.#tools.notFound.note(target, `manifest ${digest}`);
    return manifestUnknown(digest);
  }

  /**
   * What the manifest names may be here by way of other repositories. That is proven while upstream can be asked: the
   * pull of it needs no question then, and works when upstream is down. Trouble ends it: nobody waits for the others.
   */
  #proveMembers(target: Target, manifest: Digest): void {
    const { behind, grants, storage } = this.#tools;
    const { upstream } = target;
    const location = locationOf(target);
    behind.run(upstream.name, `members of ${location.repository} ${manifest}`, async () => {
      for (const digest of await storage.catalog.ungranted(location, manifest)) {
        const isManifest = (await storage.catalog.manifestMediaType(digest)) !== null;
        const isHeld = await grants.prove(target, digest, async () => {
          if (!isManifest) return (await upstream.headBlob(target, digest)) !== null;
          return await upstream.hasManifest(target, { kind: "digest", digest });
        });
        if (isManifest && isHeld) this.#proveMembers(target, digest);
      }
    });
  }
}

const hit: PullOutcome = { kind: "hit", tag: null };

/** The pull of who joined it. */
export function collapsed(pull: ManifestPull): ManifestPull {
  const { outcome } = pull;
  if (outcome.kind === "bypass" || outcome.kind === "stale") return pull;
  const { before, ageMs } = "before" in outcome ? outcome : { before: null, ageMs: 0 };
  return { ...pull, outcome: { kind: "collapsed", before, ageMs } };
}
